export const version = 1;
if (import.meta.hot) import.meta.hot.accept();

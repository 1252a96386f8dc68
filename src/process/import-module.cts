/** `import()` for code that runs as a script without a module loader. */
export = (url: string): Promise<unknown> => import(url);

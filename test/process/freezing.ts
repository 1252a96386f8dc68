/** Preloaded (`--import`) into workers: SIGUSR2 starts an endless loop, which nothing in the process can end. */
process.on('SIGUSR2', () => {
  process.title = 'frozen';
  for (;;);
});

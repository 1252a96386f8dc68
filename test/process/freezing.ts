/**
 * Preloaded (`--import`) into workers: SIGUSR2 starts an endless loop, which nothing in the process can end. It leaves the
 * processor to others.
 */
import { setPriority } from 'node:os';

process.on('SIGUSR2', () => {
  process.title = 'frozen';
  setPriority(19);
  for (;;);
});

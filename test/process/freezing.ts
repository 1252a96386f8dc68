/**
 * Preloaded (`--import`) into workers: SIGUSR2 starts an endless loop, which nothing in the process can end; SIGURG blocks the event
 * loop for three seconds with reads.
 */
import { readFileSync } from 'node:fs';

process.on('SIGUSR2', () => {
  process.title = 'frozen';
  for (;;);
});

process.on('SIGURG', () => {
  const end = performance.now() + 3000;
  while (performance.now() < end) readFileSync('/proc/self/stat');
});

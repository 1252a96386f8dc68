/**
 * Ports of 127.0.0.1 on which nobody listens. A port that the kernel chose and that was closed again could be chosen for
 * another process before the test has used it: these ports are below those that the kernel chooses from, and each process
 * has its own.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

const LOWEST = 10_240;
/** The default of Linux, where the system does not say otherwise. */
const LOWEST_CHOSEN = 32_768;
/** Ports of one process, before those of another one are used. */
const SHARE = 64;

function lowestChosen(): number {
  try {
    return Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'latin1').split('\t')[0]);
  } catch {
    return LOWEST_CHOSEN;
  }
}

const shares = Math.max(1, Math.floor((lowestChosen() - LOWEST) / SHARE));
let given = (process.pid % shares) * SHARE;

/** A port of 127.0.0.1 without a listener; each call returns another one. */
export async function closedPort(): Promise<number> {
  for (;;) {
    const port = LOWEST + (given++ % (shares * SHARE));
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/**
 * What systemd is told and what it hands over. Its messages are sent by its own `systemd-notify`, as Node has no datagrams
 * on unix sockets.
 */
import { execFile } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';

/** Tells the service manager, where there is one that wants to be told (`Type=notify`, `notify-reload`). */
export function tellServiceManager(...state: readonly string[]): void {
  if (!process.env.NOTIFY_SOCKET) return;
  const words = [`--pid=${process.pid}`, ...state];
  // One after the other. What cannot be told is said by the service manager itself, when it has waited for long enough.
  told = told.then(() => new Promise((resolve) => execFile('systemd-notify', words, () => resolve())));
}

let told: Promise<void> = Promise.resolve();

/** What goes with `RELOADING=1`: µs on the clock that never steps back. */
export function reloading(): readonly string[] {
  return ['RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`];
}

/** Descriptors of sockets that were opened for this process, and listen (`LISTEN_FDS`, as sd_listen_fds(3) has it). */
export function inheritedSockets(): readonly number[] {
  const { LISTEN_PID, LISTEN_FDS } = process.env;
  if (Number(LISTEN_PID) !== process.pid) return [];
  const count = Number(LISTEN_FDS);
  return Number.isInteger(count) && count > 0 ? Array.from({ length: count }, (_, i) => i + FIRST) : [];
}

/** Where inherited descriptors begin. */
const FIRST = 3;

/** The path of the unix socket that a descriptor is, from the kernel's table; null where it is none. */
export function unixSocketPath(descriptor: number): string | null {
  try {
    const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${descriptor}`))?.[1];
    for (const line of readFileSync('/proc/net/unix', 'latin1').split('\n')) {
      const fields = line.split(' ').filter(Boolean);
      if (inode !== undefined && fields[6] === inode) return fields[7] ?? null;
    }
  } catch {
    // Not Linux.
  }
  return null;
}

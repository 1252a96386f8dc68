// Preloaded by run.mjs into the process of each test file, which is given the milliseconds that a file may run in
// TEST_TIMEOUT: ten seconds before they are over, prints the handles and requests that keep the file running. Written as plain
// JavaScript, as run.mjs is.
import { writeSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const timeout = Number(process.env.TEST_TIMEOUT);
// The runner itself loads this file too, and so do threads and processes that tests start with the same options.
if (isMainThread && timeout > 0 && /\.test\.m?js$/.test(process.argv[1] ?? '')) {
  setTimeout(print, Math.max(1000, timeout - 10_000)).unref();
}

/** Writes one line, which the reporter recognizes by its first words. */
function print() {
  const counts = new Map();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const resources = [...counts].map(([kind, count]) => `${count} ${kind}`);
  const handles = process
    ._getActiveHandles()
    .filter((each) => !(each.fd <= 2))
    .map(describe);
  writeSync(2, `still running: ${[...resources, ...new Set(handles)].join(', ').slice(0, 3000)}\n`);
}

/** Kind of a handle, and the addresses or the command that tell it from others. */
function describe(handle) {
  const kind = handle.constructor?.name ?? 'handle';
  if (Array.isArray(handle.spawnargs)) return `${kind} ${handle.pid} (${handle.spawnargs.join(' ').slice(0, 200)})`;
  const local = typeof handle.address === 'function' ? address(handle.address()) : '';
  const remote = handle.remotePort === undefined ? '' : ` to ${handle.remoteAddress}:${handle.remotePort}`;
  return `${kind} ${local}${remote}`.trim();
}

/** Text of a socket's own address. */
function address(of) {
  if (of === null || typeof of === 'string') return of ?? '';
  return of.port === undefined ? '' : `${of.address}:${of.port}`;
}

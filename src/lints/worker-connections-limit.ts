import { readFileSync } from 'node:fs';
import { defineLint, type LintContext } from './engine/lint.js';
import { passesIn } from './engine/pass.js';

/** File descriptors that a worker needs besides connections: logs, listening sockets, files. */
const RESERVED_FILES = 32;

export default defineLint({
  code: 'worker-connections-limit',
  severity: 'warning',
  on: 'worker_connections worker_rlimit_nofile',
  story:
    'A worker may have more connections than file descriptors. Each connection uses one file descriptor, and a proxied one uses two; when they run out, connections fail with `Too many open files`, although `worker_connections` is not reached. Set `worker_rlimit_nofile` to a little more than twice `worker_connections`.',
  check(c) {
    const [limit] = c.main.own('worker_rlimit_nofile');
    const [connections] = c.scopes('events').flatMap((events) => events.own('worker_connections'));
    const files = Number(limit?.args[0]?.text);
    const maxConnections = Number(connections?.args[0]?.text);
    if (limit === undefined || connections === undefined || !(files > 0) || !(maxConnections > 0)) return;
    const needed = maxConnections * (passesIn(c.main).length > 0 ? 2 : 1);
    if (files >= needed) return;
    c.report(limit, `${maxConnections} connections need up to ${needed} files, but a worker may open ${files}`, {
      ...(files >= maxConnections && { severity: 'hint' as const }),
      help: `write: worker_rlimit_nofile ${needed + RESERVED_FILES};`,
      related: [{ at: connections, message: 'of a worker' }],
    });
  },
  async probe(c: LintContext) {
    if (c.main.own('worker_rlimit_nofile').length > 0) return;
    const [connections] = c.scopes('events').flatMap((events) => events.own('worker_connections'));
    const maxConnections = Number(connections?.args[0]?.text);
    const files = hardLimit();
    if (connections === undefined || files === null || !(maxConnections > files)) return;
    c.report(connections, `${maxConnections} worker_connections exceed open file resource limit: ${files}`, {
      severity: 'hint',
      help: 'this is the limit of the user that runs the check; the service may have another one (LimitNOFILE= of systemd), or set worker_rlimit_nofile',
    });
  },
});

/** Hard limit of open files of this process; null if unknown. Node raises its soft limit to it. */
function hardLimit(): number | null {
  try {
    const [, hard] = /^Max open files\s+\S+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    return hard === undefined ? null : Number(hard);
  } catch {
    return null;
  }
}

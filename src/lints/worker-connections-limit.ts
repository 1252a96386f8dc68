import { readFileSync } from 'node:fs';
import { defineLint, type LintContext } from './engine/lint.js';
import { passesIn } from './engine/pass.js';

/** What a worker opens beside connections: logs, listening sockets, files. */
const BESIDE = 32;

export default defineLint({
  code: 'worker-connections-limit',
  severity: 'warning',
  on: 'worker_connections worker_rlimit_nofile',
  story:
    'A worker may hold more connections than files that it may open. Each connection is a file, and one that is passed on is two; where they run out, connections are refused with `Too many open files`, although `worker_connections` has room. Set `worker_rlimit_nofile` to twice `worker_connections` and some more.',
  check(c) {
    const [limit] = c.main.own('worker_rlimit_nofile');
    const [connections] = c.scopes('events').flatMap((events) => events.own('worker_connections'));
    const files = Number(limit?.args[0]?.text);
    const most = Number(connections?.args[0]?.text);
    if (limit === undefined || connections === undefined || !(files > 0) || !(most > 0)) return;
    const needed = most * (passesIn(c.main).length > 0 ? 2 : 1);
    if (files >= needed) return;
    c.report(limit, `${most} connections need up to ${needed} files, and a worker may open ${files}`, {
      ...(files >= most && { severity: 'hint' as const }),
      help: `write: worker_rlimit_nofile ${needed + BESIDE};`,
      related: [{ at: connections, message: 'of a worker' }],
    });
  },
  async probe(c: LintContext) {
    if (c.main.own('worker_rlimit_nofile').length > 0) return;
    const [connections] = c.scopes('events').flatMap((events) => events.own('worker_connections'));
    const most = Number(connections?.args[0]?.text);
    const files = hardLimit();
    if (connections === undefined || files === null || !(most > files)) return;
    c.report(connections, `${most} worker_connections exceed open file resource limit: ${files}`, {
      severity: 'hint',
      help: 'this is the limit of who tests; the service may have another (LimitNOFILE= of systemd), or set worker_rlimit_nofile',
    });
  },
});

/** How many files this process may open at most; null where the system does not say. Node raises its own limit to that. */
function hardLimit(): number | null {
  try {
    const [, hard] = /^Max open files\s+\S+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    return hard === undefined ? null : Number(hard);
  } catch {
    return null;
  }
}

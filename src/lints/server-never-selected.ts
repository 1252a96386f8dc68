import type { Statement } from '../../grammar/syntax-tree.js';
import { defineLint } from './engine/lint.js';
import type { Scope } from './engine/scope.js';

export default defineLint({
  code: 'server-never-selected',
  severity: 'warning',
  on: '*down *drain',
  story:
    'A server with `drain` gets only requests of clients that are bound to it by `sticky`: without `sticky`, or with a load balancing method after it, which replaces it, it gets none. If every server of an upstream is `down` or drained, all requests to it are answered with 502. Servers of an upstream with a `zone` are not examined in the second case, because the API may enable them.',
  check(c) {
    for (const upstream of c.scopes('upstream')) {
      if (upstream.parent?.kind !== 'http') continue;
      const servers = upstream.own('server');
      const isBound = bindsClients(upstream);
      const idle = servers.filter((server) => has(server, 'down') || (!isBound && has(server, 'drain')));
      const [name] = upstream.opener?.args ?? [];
      if (name === undefined) continue;
      if (idle.length === servers.length && servers.length > 0 && upstream.own('zone').length === 0) {
        c.report(name, `no server of upstream "${name.text}" gets requests`, {
          help: 'each of them is "down" or drained, and every request is answered with 502',
          related: idle.slice(0, 5).map((at) => ({ at, message: 'this server gets none' })),
        });
        continue;
      }
      if (isBound) continue;
      for (const server of servers) {
        const drain = server.args.find(({ text }) => text === 'drain');
        if (drain === undefined || has(server, 'down')) continue;
        c.report(drain, `server "${server.args[0]?.text}" gets no requests, because no client is bound to it`, {
          help: '"drain" is for servers of an upstream with "sticky"; write "down", or remove the server',
        });
      }
    }
  },
});

function has({ args }: Statement, parameter: string): boolean {
  return args.slice(1).some(({ text }) => text === parameter);
}

/** Methods that replace a binding if they are written after it. */
const METHODS = new Set(['hash', 'ip_hash', 'least_conn', 'least_time', 'random']);

/** Whether clients are bound to the servers of an upstream. */
function bindsClients({ statements }: Scope): boolean {
  let isBound = false;
  for (const { name } of statements) {
    if (name.text === 'sticky') isBound = true;
    else if (METHODS.has(name.text)) isBound = false;
  }
  return isBound;
}

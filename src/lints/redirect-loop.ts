import { defineLint } from './engine/lint.js';
import type { Scope } from './engine/scope.js';
import { listensOf, namesOf } from './engine/servers.js';

export default defineLint({
  code: 'redirect-loop',
  severity: 'warning',
  on: 'return',
  story:
    'A server redirects every request to itself: the same scheme, port and host, unconditionally. Browsers give up with "too many redirects". Usually the redirect to HTTPS is in a server that also serves HTTPS. Put the redirect in a separate server, with only the ports and names to redirect from.',
  check(c) {
    for (const server of c.scopes('server')) {
      // A directive before the return may end the request with a different response, or with a break.
      if (server.children.some(({ kind }) => kind === 'if')) continue;
      if (server.own('rewrite').length > 0 || server.own('break').length > 0) continue;
      const [answer, another] = server.own('return');
      const url = answer?.args.at(-1);
      if (url === undefined || another !== undefined || !/^(?:30[12378])$|^(?:https?:|\$)/.test(firstOf(answer)))
        continue;
      const [, scheme, host] = /^(https?|\$scheme):\/\/([^/:?]+?)(?=[/?]|\$(?:request_)?uri|$)/i.exec(url.text) ?? [];
      if (scheme === undefined || host === undefined || !answers(server, scheme) || !isOwn(server, host)) continue;
      c.report(url, 'the server redirects to itself in a loop', {
        help: 'put the redirect in a separate server that listens only on the addresses to redirect from',
      });
    }
  },
});

function firstOf(statement: { readonly args: readonly { readonly text: string }[] } | undefined): string {
  return statement?.args[0]?.text ?? '';
}

/** Whether the server itself listens on the standard port of a scheme. */
function answers(server: Scope, scheme: string): boolean {
  const listens = (port: string, withTls: boolean) =>
    listensOf(server).some((listen) => listen.port === port && listen.tls === withTls);
  const plain = listens('80', false);
  const encrypted = listens('443', true);
  return scheme === 'https' ? encrypted : scheme === 'http' ? plain : plain || encrypted;
}

/** Whether a host is one of the server's own names. */
function isOwn(server: Scope, host: string): boolean {
  const names = namesOf(server);
  if (/^\$(?:host|http_host)$/.test(host)) return true;
  const name = host === '$server_name' ? names[0] : host;
  return name?.includes('.') === true && !/[*~$_]/.test(name) && names.includes(name);
}

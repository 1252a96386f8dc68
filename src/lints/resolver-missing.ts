import { isIP } from 'node:net';
import { defineLint, type LintContext } from './engine/lint.js';
import { passesOf, upstreamOf } from './engine/pass.js';
import type { Scope } from './engine/scope.js';
import { assignedIn, isComplete } from './engine/values.js';

export default defineLint({
  code: 'resolver-missing',
  severity: 'warning',
  absence: true,
  on: 'proxy_pass grpc_pass fastcgi_pass uwsgi_pass scgi_pass',
  story:
    'The host of a pass directive is a variable whose value is a host name, and no `resolver` is configured. Names in variables are resolved for each request, and `/etc/hosts` and `/etc/resolv.conf` are not used: the response is 502, `no resolver defined to resolve …`. Configure a DNS server with `resolver`, or pass to an `upstream`, whose servers are resolved at startup.',
  check(c) {
    if (!isComplete(c)) return;
    for (const scope of [...c.scopes('location'), ...c.scopes('if')]) {
      for (const { authority, host, word } of passesOf(scope)) {
        if (!authority.includes('$') || scope.holder('resolver') !== null) continue;
        const names = /^\$\{?(\w+)\}?$/.exec(host)?.[1];
        if (names === undefined) continue;
        const unresolved = hostsOf(c, scope, names.toLowerCase()).find((name) => needsResolver(c, name));
        if (unresolved === undefined) continue;
        c.report(word, `no resolver defined to resolve "${unresolved}"`, {
          help: 'a name in a variable is resolved for each request, using only the DNS server of "resolver"',
        });
      }
    }
  },
});

/** The constant hosts among the values of a variable; a value may be a whole URL. */
function hostsOf(c: LintContext, scope: Scope, variable: string): string[] {
  return assignedIn(c, variable, scope).flatMap(({ value: { text } }) => {
    const [, host = ''] = /^(?:\w+:\/\/)?([^/:?]*)/.exec(text) ?? [];
    return host === '' || text.includes('$') || text.startsWith('unix:') ? [] : [host];
  });
}

function needsResolver(c: LintContext, host: string): boolean {
  return isIP(host) === 0 && !host.startsWith('[') && upstreamOf(c.main, host) === undefined;
}

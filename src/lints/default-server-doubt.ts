import { defineLint, type LintContext } from './engine/lint.js';
import type { Scope } from './engine/scope.js';
import { type AddressMember, namesOf, serversByAddress } from './engine/servers.js';
import { isComplete } from './engine/values.js';

/** Names that are meant as catch-alls. nginx gives none of them that meaning. */
const CATCH_ALL = new Set(['_', '__', '-', '*', '""', '']);

export default defineLint({
  code: 'default-server-doubt',
  severity: 'hint',
  on: 'server',
  story:
    'Several servers listen on one address, and none of them is marked `default_server`: requests for unknown names, and those without a name, are handled by the first. `server_name _` does not change that: it is an ordinary name that no client requests. Mark the intended server, and choose its response to unknown names, for example `return 444`.',
  check(c) {
    if (!isComplete(c)) return;
    for (const members of serversByAddress(c).values()) checkAddress(members, c);
  },
});

function checkAddress(members: readonly AddressMember[], c: LintContext): void {
  const [first, ...others] = members;
  if (first === undefined || others.length === 0) return;
  const marked = members.find(({ listen }) => listen.isDefault);
  const meant = members.find(({ server }) => isCatchAll(server));
  if (meant !== undefined && meant !== (marked ?? first)) {
    const at = meant.server.own('server_name')[0]?.args[0] ?? meant.server.opener?.name;
    const wins = marked ?? first;
    if (at === undefined || isCatchAll(wins.server)) return;
    c.report(at, `requests for unknown names on ${meant.listen.key} are not handled here`, {
      severity: 'warning',
      help: 'a name like "_" does not make a server the default; add default_server to its listen',
      ...(wins.server.opener !== null && {
        related: [{ at: wins.listen.statement ?? wins.server.opener.name, message: 'they are handled by this server' }],
      }),
    });
    return;
  }
  const unlike = others.some(({ server }) => siteOf(server) !== siteOf(first.server));
  if (marked !== undefined || meant !== undefined || !unlike) return;
  const at = first.listen.statement ?? first.server.opener?.name;
  if (at === undefined) return;
  c.report(at, `the first of ${members.length} servers on ${first.listen.key} handles the requests for unknown names`, {
    help: 'add default_server to the listen of the intended server',
  });
}

/** The names of a server without `www.`: a redirect between the two is not a different site. */
function siteOf(server: Scope): string {
  return [...new Set(namesOf(server).map((name) => name.replace(/^www\./, '')))].sort().join(' ');
}

function isCatchAll(server: Scope): boolean {
  const names = namesOf(server);
  return names.length > 0 && names.every((name) => CATCH_ALL.has(name));
}

import type { Statement } from '../../grammar/syntax-tree.js';
import { defineLint, type LintContext } from './engine/lint.js';
import { passesOf } from './engine/pass.js';
import type { Scope } from './engine/scope.js';
import { titleOf } from './engine/scope.js';
import { proxied } from './engine/websocket.js';

const HELP =
  "forward only WebSockets: upgrade_protocols websocket; or for nginx: map $http_upgrade $websocket { websocket websocket; default ''; } with proxy_set_header Upgrade $websocket;";

export default defineLint({
  code: 'upgrade-to-anything',
  severity: 'hint',
  on: '*$http_upgrade *${http_upgrade',
  story:
    'A location forwards any protocol that the client names in `Upgrade`. A client that asks for `h2c` gets a tunnel to the back end, if the back end accepts it, and the proxy does not process the requests inside: access rules, rewrites and logs are bypassed (h2c smuggling). `Connection $http_connection` forwards all fields that such a client needs. To allow only WebSockets, write `upgrade_protocols websocket`, or use a `map` that forwards only `websocket`.',
  check(c) {
    const rules = rulesOf(c);
    const seen = new Set<string>();
    for (const { scope, pass, upgrade, connection } of proxied(c)) {
      if (
        upgrade === undefined ||
        !/\$\{?http_upgrade\b/.test(upgrade.args[1]?.text ?? '') ||
        seen.has(placeOf(upgrade))
      )
        continue;
      // Protocols are listed, and h2c only by its name.
      if (scope.effective('upgrade_protocols').length > 0) continue;
      const whole = /\$\{?http_connection\b/.test(connection?.args[1]?.text ?? '');
      const rule = ruleBeside(scope, pass.authority, rules);
      if (connection === undefined || (!whole && rule === null)) continue;
      seen.add(placeOf(upgrade));
      c.report(upgrade, `"${titleOf(scope)}" lets clients upgrade to any protocol, not only to WebSocket`, {
        ...(whole && { severity: 'warning' as const }),
        help: HELP,
        related: rule === null ? [] : [{ at: rule, message: 'this rule is not checked after the upgrade' }],
      });
    }
  },
});

/** An access rule in a location. */
interface Rule {
  readonly statement: Statement;
  readonly location: Scope;
  /** Denies a whole prefix. Regular expressions mostly deny files, which the back end does not serve. */
  readonly refuses: boolean;
}

/** The rules of each server. */
function rulesOf(c: LintContext): Map<Scope | null, Rule[]> {
  const rules = new Map<Scope | null, Rule[]>();
  for (const name of ['api_key', 'auth_basic', 'auth_jwt', 'auth_request', 'deny', 'internal', 'return']) {
    for (const { scope, statement } of c.written(name)) {
      const words = scope.location;
      const value = statement.args[0]?.text ?? '';
      const refuses = words?.kind === 'prefix' && /^(?:all|403|404|444)$/.test(value);
      if (words === null || value === 'off' || (name === 'return' && !refuses)) continue;
      const server = scope.within('server');
      const others = rules.get(server);
      const rule = { statement, location: scope, refuses };
      if (others === undefined) rules.set(server, [rule]);
      else others.push(rule);
    }
  }
  return rules;
}

/** An access rule of the same server and back end that a tunnel would bypass. */
function ruleBeside(scope: Scope, authority: string, rules: ReturnType<typeof rulesOf>): Statement | null {
  const beside = rules.get(scope.within('server'))?.find(({ location, refuses }) => {
    if (location === scope) return false;
    return refuses || passesOf(location).some((pass) => pass.authority === authority);
  });
  return beside?.statement ?? null;
}

/** Key of a statement, the same for every include of its file. */
function placeOf({ source, start }: Statement): string {
  return `${start} ${source.name}`;
}

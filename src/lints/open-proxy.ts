import { isClosed, isGuarded, isInternal } from './engine/access.js';
import { capturesOf } from './engine/captures.js';
import { defineLint, type LintContext } from './engine/lint.js';
import { passesOfLocations } from './engine/pass.js';
import { mayContain } from './engine/regex.js';
import type { Scope } from './engine/scope.js';
import { listensOf, namesOf, serversByAddress } from './engine/servers.js';
import { assignedFor, isComplete } from './engine/values.js';
import { piecesOf, variablesIn } from './engine/variables.js';

const MAX_DEPTH = 6;

/** Expressions of `server_name` that match any name, without their groups and anchors. */
const ANY_NAME = new Set(['', '.', '.*', '.+', '.*?', '.+?', '\\S+', '[^/]+']);

export default defineLint({
  code: 'open-proxy',
  severity: 'warning',
  on: 'proxy_pass tunnel_pass',
  story:
    'Clients without credentials choose the host to which the server connects. With `tunnel_pass` (CONNECT), that is every host and port that the server can reach, on the internet and in its own network, also to send spam or attack others from its address: require credentials (`auth_basic`) or certain clients (`allow`, `deny`), or limit the targets (a `map` of `$host` with `if`, `tunnel_allow_upstream`). With `proxy_pass`, the host is the one that the client requests (`$host`), and the server accepts any name: whoever reaches it can use it as a proxy to all these hosts. Choose the target with a `map` of known hosts whose default is empty, list the names in `server_name` beside a `default_server` that answers `return 444`, or refuse other hosts (`if ($host !~ …) { return 403; }`).',
  check(c) {
    if (!isComplete(c)) return;
    checkTunnels(c);
    for (const { scope, statement, word } of passesOfLocations(c)) {
      if (statement.name.text !== 'proxy_pass' || !word.text.includes('$')) continue;
      const server = scope.within('server');
      if (server === null || isInternal(scope) || scope.location?.kind === 'named') continue;
      const source = hostSource(c, scope, word.text);
      if (source === null || isGuardedByHost(c, scope) || !acceptsAnyName(c, server, source)) continue;
      if (listensOf(server).every(({ loopback }) => loopback)) continue;
      c.report(word, `"${word.text}" is an open proxy: clients choose the host, and this server accepts any name`, {
        help: 'choose the target with a map of known hosts (map $host $target { a.example http://10.0.0.1; default ""; }), or list them in server_name beside a default_server that answers 444',
      });
    }
  },
});

/** Reports tunnels to any host for any client. */
function checkTunnels(c: LintContext): void {
  for (const { scope, statement } of c.main.written('tunnel_pass')) {
    const server = scope.within('server');
    const [target] = statement.args;
    if (server === null || isGuarded(scope) || isGuardedByHost(c, scope) || isRestricted(scope)) continue;
    if (target !== undefined && hostSource(c, scope, target.text) === null) continue;
    const listens = listensOf(server);
    if (listens.every(({ loopback }) => loopback) || !acceptsAnyName(c, server, 'host')) continue;
    c.report(statement, '"tunnel_pass" is an open proxy: every client may connect to any host', {
      // Usually not public.
      ...(listens.every(({ isPrivate }) => isPrivate) && { severity: 'hint' as const }),
      help: 'require credentials (auth_basic, auth_basic_user_file), or allow known clients only (allow 192.0.2.0/24; deny all;), or known hosts (map $host $known { … } with if ($known = 0) { return 403; })',
    });
  }
}

/** Whether clients need a certificate, or a condition refuses some of them or some addresses. */
function isRestricted(scope: Scope): boolean {
  if (scope.effective('tunnel_allow_upstream').length > 0) return true;
  if (scope.effective('ssl_verify_client').some(({ args }) => args[0]?.text === 'on')) return true;
  for (let each: Scope | null = scope; each !== null && each.kind !== 'http'; each = each.parent) {
    for (const condition of [each, ...each.children]) {
      if (condition.kind !== 'if') continue;
      const words = condition.opener?.args.map(({ text }) => text).join(' ') ?? '';
      // Conditions on the port or the method do not restrict the host.
      const decides = variablesIn(words).some((name) => name !== 'request_port' && name !== 'request_method');
      const refuses = condition.own('return').some(({ args }) => /^[45]\d\d$/.test(args[0]?.text ?? ''));
      if (decides && (condition === each || refuses)) return true;
    }
  }
  return false;
}

/** Variable from which the whole host of a value is taken: `host`, or the capture of a `server_name`; null for none. */
function hostSource(c: LintContext, scope: Scope, value: string, depth = 0): 'host' | 'capture' | null {
  if (depth > MAX_DEPTH) return null;
  const [, rest = value] = /^(?:[a-z]+|\$\w+|\$\{\w+\}):\/\/(.*)$/is.exec(value) ?? [];
  const [first, next] = piecesOf(rest);
  // A text before or after the variable restricts the host to certain names.
  if (typeof first !== 'object' || (typeof next === 'string' && !/^[:/?]/.test(next))) return null;
  const { variable } = first;
  const assigned = assignedFor(c, variable, scope);
  if (assigned.length === 0 && (variable === 'host' || variable === 'http_host')) return 'host';
  for (const { body, pattern, subject } of capturesOf(c, scope, variable)) {
    const ofServer = pattern.directive === 'server_name';
    if (!ofServer && subject !== 'host' && subject !== 'http_host') continue;
    if (mayContain(body, DOT) && matchesAnyName(pattern.text)) return ofServer ? 'capture' : 'host';
  }
  for (const { value: word, scope: holder } of assigned) {
    const source = hostSource(c, holder, word.text, depth + 1);
    if (source !== null) return source;
  }
  return null;
}

const DOT = 46;

function matchesAnyName(expression: string): boolean {
  const plain = expression
    .replace(/^~\*?/, '')
    .replace(/\?P?<\w+>|\?:/g, '')
    .replace(/\(www\\\.\)\?/g, '')
    .replace(/^\^|\$$|[()]/g, '');
  return ANY_NAME.has(plain);
}

/** Whether requests for unknown names reach the server. */
function acceptsAnyName(c: LintContext, server: Scope, source: 'host' | 'capture'): boolean {
  // The expression that captures the name matches any; otherwise its capture is empty.
  if (source === 'capture') return true;
  if (namesOf(server).some((name) => name.startsWith('~') && matchesAnyName(name))) return true;
  for (const members of serversByAddress(c).values()) {
    const chosen = members.find(({ listen }) => listen.isDefault) ?? members[0];
    if (chosen?.server === server) return true;
  }
  return false;
}

/** Whether the server or the location refuses some hosts by an `if`. */
function isGuardedByHost(c: LintContext, scope: Scope): boolean {
  for (let each: Scope | null = scope; each !== null && each.kind !== 'http'; each = each.parent) {
    for (const condition of [each, ...each.children]) {
      if (condition.kind !== 'if') continue;
      const words = condition.opener?.args.map(({ text }) => text).join(' ') ?? '';
      const [variable] = variablesIn(words);
      if (variable === undefined || !isHost(c, variable)) continue;
      // A target inside the block of the condition is reached with certain hosts only.
      if (condition === each) return true;
      // `if ($host = a.example) { return … }` excludes one host, all others are allowed.
      const excludesOthers = /!=|!~/.test(words) || !/^(?:http_)?host$/.test(variable);
      if (excludesOthers && isClosed(condition)) return true;
    }
  }
  return false;
}

/** Whether a variable is the requested host, or a `map` derives it from the host. */
function isHost(c: LintContext, name: string): boolean {
  if (name === 'host' || name === 'http_host') return true;
  return c.scopes('entries').some(({ directive, opener }) => {
    const [source, variable] = opener?.args.map(({ text }) => text.toLowerCase()) ?? [];
    return (
      directive === 'map' &&
      variable === `$${name}` &&
      variablesIn(source ?? '').some((each) => /^(?:http_)?host$/.test(each))
    );
  });
}

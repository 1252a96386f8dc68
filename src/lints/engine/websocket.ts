/** Handling of `Upgrade` in locations. */
import type { Statement } from '../../../grammar/syntax-tree.js';
import type { LintContext } from './lint.js';
import { oncePerConfig } from './once-per-config.js';
import { type Pass, passesIn } from './pass.js';
import type { Scope } from './scope.js';
import { enclosingLocation } from './scope.js';

/** The `proxy_set_header` for a field in effect in a block, including one that removes the field. */
export function requestField(scope: Scope, name: string): Statement | undefined {
  return scope.effective('proxy_set_header').find(({ args }) => isField(args[0]?.text, name));
}

/** @param name in lower case */
function isField(text: string | undefined, name: string): boolean {
  return text !== undefined && text.length === name.length && text.toLowerCase() === name;
}

/** A location that proxies requests over HTTP. */
export interface Proxied {
  readonly scope: Scope;
  readonly pass: Pass;
  /** The `proxy_set_header Upgrade` in effect with a non-empty value. */
  readonly upgrade: Statement | undefined;
  /** The same for `Connection`. */
  readonly connection: Statement | undefined;
  /** Whether `proxy_websocket` passes WebSockets; then `upgrade` and `connection` are undefined, because they do not matter. */
  readonly websocket: boolean;
}

/** Every block with its own `proxy_pass`. */
export const proxied = oncePerConfig((c: LintContext): readonly Proxied[] =>
  passesIn(c.main).flatMap((pass) => {
    if (pass.statement.name.text !== 'proxy_pass') return [];
    const { scope } = pass;
    if (passesWebSockets(pass)) return { scope, pass, upgrade: undefined, connection: undefined, websocket: true };
    const upgrade = ifNotEmpty(requestField(scope, 'upgrade'));
    return { scope, pass, upgrade, connection: ifNotEmpty(requestField(scope, 'connection')), websocket: false };
  }),
);

function passesWebSockets({ scope, word }: Pass): boolean {
  const value = scope.value('proxy_websocket')?.toLowerCase();
  return value === undefined ? /^wss?:\/\//i.test(word.text) : value === 'on';
}

function ifNotEmpty(statement: Statement | undefined): Statement | undefined {
  return (statement?.args[1]?.text ?? '') === '' ? undefined : statement;
}

/** Variables that a `map` derives from `$http_upgrade`; names in lower case, with `$`. */
const variablesOfUpgrade = oncePerConfig((c: LintContext): ReadonlySet<string> => {
  const found = c.scopes('entries').flatMap(({ directive, opener }) => {
    const [source, variable] = opener?.args ?? [];
    const isMeant = directive === 'map' && /\$\{?http_upgrade\b/i.test(source?.text ?? '');
    return isMeant && variable !== undefined ? [variable.text.toLowerCase()] : [];
  });
  return new Set(found);
});

/** Whether a value of `Connection` is a variable that contains `upgrade` if the client requests an upgrade. */
export function isUpgradeVariable(value: string, c: LintContext): boolean {
  const name = value.replace(/^\$\{(\w+)\}$/, '$$$1').toLowerCase();
  return name === '$connection_upgrade' || variablesOfUpgrade(c).has(name);
}

/** Whether a value of `Connection` contains `upgrade`, always or sometimes. */
export function sendsUpgrade(connection: Statement | undefined, c: LintContext): boolean {
  const value = connection?.args[1]?.text ?? '';
  if (isUpgradeVariable(value, c)) return true;
  return /\bupgrade\b|\$\{?http_connection\b|\$\{?\w*(?:upgrade|connection)\w*\}?$/i.test(value);
}

const NAMES =
  /(?:^|[^a-z])(?:wss?|websockets?|web-sockets?|sockets?|socket\.io|engine\.io|sockjs(?:-node)?|cable|hubs?|signalr|hmr|terminal|notifications?)(?![a-z])/i;

/** Whether a location seems to be for WebSockets only. */
export function isForWebSockets(scope: Scope): boolean {
  const location = enclosingLocation(scope);
  return location !== null && NAMES.test(location.name);
}

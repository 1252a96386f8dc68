/** What a location does with `Upgrade`. */
import type { Statement } from '../../../grammar/syntax-tree.js';
import type { LintContext } from './lint.js';
import { enclosingLocation } from './location.js';
import { type Pass, passesIn } from './pass.js';
import type { Scope } from './scope.js';

/** The `proxy_set_header` of a field that holds in a block, also one that takes the field away. */
export function requestField(scope: Scope, name: string): Statement | undefined {
  return scope.effective('proxy_set_header').find(({ args }) => isField(args[0]?.text, name));
}

/** @param name in lower case */
function isField(text: string | undefined, name: string): boolean {
  return text !== undefined && text.length === name.length && text.toLowerCase() === name;
}

/** A location that passes requests on by HTTP. */
export interface Proxied {
  readonly scope: Scope;
  readonly pass: Pass;
  /** The `proxy_set_header Upgrade` that holds there and sends something. */
  readonly upgrade: Statement | undefined;
  /** Likewise of `Connection`. */
  readonly connection: Statement | undefined;
}

const known = new WeakMap<Scope, readonly Proxied[]>();

/** Every block with a `proxy_pass` of its own. */
export function proxied(c: LintContext): readonly Proxied[] {
  let found = known.get(c.main);
  if (found === undefined) {
    found = passesIn(c.main).flatMap((pass) => {
      if (pass.statement.name.text !== 'proxy_pass') return [];
      const { scope } = pass;
      const upgrade = sent(requestField(scope, 'upgrade'));
      return { scope, pass, upgrade, connection: sent(requestField(scope, 'connection')) };
    });
    known.set(c.main, found);
  }
  return found;
}

function sent(statement: Statement | undefined): Statement | undefined {
  return (statement?.args[1]?.text ?? '') === '' ? undefined : statement;
}

/** Whether a value of `Connection` says `upgrade`, always or sometimes. */
export function saysUpgrade(connection: Statement | undefined): boolean {
  const value = connection?.args[1]?.text ?? '';
  return /\bupgrade\b|\$\{?http_connection\b|\$\{?\w*(?:upgrade|connection)\w*\}?$/i.test(value);
}

const NAMES =
  /(?:^|[^a-z])(?:wss?|websockets?|web-sockets?|sockets?|socket\.io|engine\.io|sockjs(?:-node)?|cable|hubs?|signalr|hmr|terminal|notifications?)(?![a-z])/i;

/** Whether a location seems to be there for WebSockets and nothing else. */
export function isForWebSockets(scope: Scope): boolean {
  const location = enclosingLocation(scope);
  return location !== null && NAMES.test(location.name);
}

/** Handler of the messages of one sender that calls a function of a script. */
import { logError } from '../../program/error-context.js';
import type { Exchange } from '../../program/exchange.js';
import { SettingsKey } from '../../program/settings-key.js';
import { StateKey } from '../../program/state-key.js';
import { INTERNAL_ERROR } from '../../websocket/close-codes.js';
import type { Decision, Message, MessageHandler, MessageOutput } from '../../websocket/message-handler.js';
import type { Side } from '../public-types.js';
import { requestOf } from '../request-object.js';
import { hasFailed, type ScriptFunction } from '../script-function.js';
import { failsOpen } from '../script-limits.js';
import type { Scripts } from '../scripts.js';
import { ScriptMessage } from './websocket-message.js';
import { ScriptSession } from './websocket-session.js';

/** Functions of a location for its WebSockets; null where there is none. */
export interface WebSocketScripts {
  readonly scripts: Scripts;
  readonly message: ScriptFunction | null;
  readonly close: ScriptFunction | null;
}

export const WEBSOCKET_SCRIPTS = new SettingsKey<WebSocketScripts | null>('scripts of WebSockets', null);

const SESSION = new StateKey<ScriptSession>('script session', 'request');

/** The WebSocket of an exchange, as scripts see it. */
export function sessionOf(x: Exchange): ScriptSession {
  const known = x.state(SESSION);
  if (known !== undefined) return known;
  const session = new ScriptSession((to) =>
    logError(x, 'warn', `closing WebSocket with 1013: messages of a script wait for the ${to}`),
  );
  x.setState(SESSION, session);
  return session;
}

const FAILURE: Decision = { action: 'close', code: INTERNAL_ERROR, reason: 'internal error' };

/**
 * Calls the function that the exchange's location names now: a WebSocket that moves to a new configuration continues with its
 * functions.
 */
export class ScriptedMessages implements MessageHandler {
  private readonly session: ScriptSession;

  constructor(
    private readonly x: Exchange,
    private readonly from: Side,
    /** Whether its messages are passed to the function; otherwise it only gives access to its direction. */
    private readonly handles: boolean,
  ) {
    this.session = sessionOf(x);
  }

  attach(output: MessageOutput): void {
    this.session.attach(this.from === 'client' ? 'upstream' : 'client', output);
  }

  handle({ binary, data }: Message): Decision | Promise<Decision> {
    const { x, from, session } = this;
    if (!this.handles) return null;
    const script = x.location.settings.get(WEBSOCKET_SCRIPTS);
    if (script === null || script.message === null) return null;
    const message = new ScriptMessage(from, binary, data, session);
    const result = script.message.run(x, [requestOf(x, script.scripts), message]);
    if (result instanceof Promise) return result.then((settled) => this.settle(settled, message));
    return this.settle(result, message);
  }

  /** Returns the decision when everything that the function has sent has been accepted by its receivers. */
  private settle(result: unknown, message: ScriptMessage): Decision | Promise<Decision> {
    const decided = message.decided();
    const decision = !hasFailed(result) ? decided : failsOpen(this.x) ? null : FAILURE;
    return this.session.waiting ? this.session.allDrained().then(() => decision) : decision;
  }

  dispose(): void {
    this.session.end();
  }
}

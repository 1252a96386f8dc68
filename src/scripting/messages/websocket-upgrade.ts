/** A request for a WebSocket, as `js_websocket_upgrade` decides about it. */
import type { HttpExchange } from '../../exchange/exchange.js';
import { StateKey } from '../../program/state-key.js';
import type { WebSocketUpgrade } from '../public-types.js';
import { bytesOf, textOf } from '../text.js';
import type { ScriptSession } from './websocket-session.js';

const FIELD = 'sec-websocket-protocol';

/** The subprotocol that a function has chosen; null for none. Bytes. */
export const CHOSEN_PROTOCOL = new StateKey<string | null>('chosen subprotocol');

export class ScriptUpgrade implements WebSocketUpgrade {
  readonly protocols: readonly string[];

  constructor(
    private readonly x: HttpExchange,
    readonly socket: ScriptSession,
  ) {
    const offered = x.headers.joined(FIELD) ?? '';
    this.protocols = offered.split(',').flatMap((each) => (each.trim() === '' ? [] : [textOf(each.trim())]));
  }

  get protocol(): string | null | undefined {
    const chosen = this.x.state(CHOSEN_PROTOCOL);
    return chosen === undefined || chosen === null ? chosen : textOf(chosen);
  }

  set protocol(value: string | null | undefined) {
    const { headers } = this.x;
    if (value === undefined) return;
    if (value !== null && !this.protocols.includes(value)) {
      throw new RangeError(`the client has not offered the subprotocol "${value}"`);
    }
    this.x.setState(CHOSEN_PROTOCOL, value === null ? null : bytesOf(value));
    const first = headers.find(FIELD);
    for (let i = first; i >= 0; i = headers.find(FIELD, i + 1)) {
      if (i === first && value !== null) headers.replace(i, bytesOf(value));
      else headers.remove(i);
    }
  }
}

/** A request for a WebSocket, as `js_websocket_upgrade` decides about it. */
import type { HttpExchange } from '../../exchange/exchange.js';
import { StateKey } from '../../program/state-key.js';
import { bytesOf, textOf } from '../text.js';
import type { ScriptSession, WebSocketSession } from './websocket-session.js';

/** A request for a WebSocket, before it is sent to the upstream. `r.return(403)` refuses it. */
export interface WebSocketUpgrade {
  /** Subprotocols that the client has offered, in its order. */
  readonly protocols: readonly string[];
  /**
   * The subprotocol that is used: the upstream is offered this one only, and the client gets it even if the upstream's response has
   * none; null: none is used. Undefined: the upstream chooses. Throws RangeError for one that the client has not offered.
   */
  protocol: string | null | undefined;
  /** The WebSocket; its `state` is that of all functions. */
  readonly socket: WebSocketSession;
}

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

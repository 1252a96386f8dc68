/** Handlers of whole messages: the policies of the proxy, and scripts. */

/** A message, unmasked and decompressed. */
export interface Message {
  readonly binary: boolean;
  /** Payload, valid until the handler has decided; UTF-8 if not `binary`, but not validated. */
  readonly data: Buffer;
}

/**
 * Decision about a message. Null: it is passed on unchanged. `replace`: another message is passed on instead, which the following
 * handlers receive. `close`: both sides receive a Close frame.
 */
export type Decision =
  | null
  | { readonly action: 'drop' }
  | { readonly action: 'replace'; readonly data: Buffer; readonly binary: boolean }
  | { readonly action: 'close'; readonly code: number; readonly reason: string };

/** Inserts messages into one direction of a WebSocket, between those of its sender. */
export interface MessageOutput {
  /**
   * Sends a message to the receiver, after those that were inserted before, and before the message that is being handled. The
   * data must not change until it has been sent. Returns false if it was dropped, because nothing may follow a Close frame.
   */
  insert(binary: boolean, data: Buffer): boolean;
  /** Bytes of inserted messages that wait for a slow receiver. */
  readonly waiting: number;
  /** Calls back when no inserted message is queued for the receiver, or the WebSocket has ended. */
  whenInserted(then: () => void): void;
  /** Closes the WebSocket: both sides receive a Close frame. */
  close(code: number, reason: string): void;
}

/** Handles the messages of one direction of a WebSocket, one at a time and in order. */
export interface MessageHandler {
  /**
   * Decides about a message; the next one is handled after the decision. While a promise is pending, at most one read of the
   * socket and 64 KiB are queued, then the sender is paused. A rejected promise or an exception closes the WebSocket with 1011.
   */
  handle(message: Message): Decision | Promise<Decision>;
  /** Called once, before the first message, with the direction to which it belongs. */
  attach?(output: MessageOutput): void;
  /** Called when the tunnel has ended; a pending decision is ignored. */
  dispose(): void;
}

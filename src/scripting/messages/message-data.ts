/** Data of messages, as passed by scripts. */
import type { MessageData } from '../public-types.js';

/** A message to be sent. */
export interface EncodedMessage {
  readonly binary: boolean;
  readonly data: Buffer;
}

/** Encodes a message; throws TypeError if the value has no JSON text. */
export function encodeMessage(data: MessageData): EncodedMessage {
  if (typeof data === 'string') return { binary: false, data: Buffer.from(data) };
  // A copy: the script may change its bytes while the message waits.
  if (data instanceof Uint8Array) return { binary: true, data: Buffer.from(data) };
  if (data instanceof ArrayBuffer) return { binary: true, data: Buffer.from(new Uint8Array(data)) };
  const text: string | undefined = JSON.stringify(data);
  if (text === undefined)
    throw new TypeError(`a message must be a text, bytes, or a value with a JSON text, not ${typeof data}`);
  return { binary: false, data: Buffer.from(text) };
}

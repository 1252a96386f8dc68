/**
 * WebSockets over a stream (RFC 8441). Inside the proxy an extended CONNECT has the form of the handshake of HTTP/1.1, so that
 * configurations, checks and modules need no other rules: a GET with `Upgrade`, `Connection` and a key that the proxy has
 * chosen, and a response with status 101. On the stream it is CONNECT with `:protocol`, and status 200.
 */
import { randomFillSync } from 'node:crypto';
import type { HeaderBlock } from '../http/header-block.js';
import type { Refusal } from '../program/admission.js';
import { acceptOf, missingInRequest } from '../websocket/handshake.js';

/** The value of `:protocol` for WebSockets. */
export const WEBSOCKET_PROTOCOL = 'websocket';
/** The method of a handshake in the form of HTTP/1.1. */
export const HANDSHAKE_METHOD = 'GET';
/** Field of the handshake of HTTP/1.1 that streams do not need (RFC 8441 5). */
export const KEY_FIELD = 'sec-websocket-key';

const random = Buffer.allocUnsafeSlow(16);

/** Returns the reason to refuse a request with `:protocol`, or null. */
export function refusedProtocol(method: string, protocol: string): Refusal | null {
  if (method !== 'CONNECT') return { status: 400, reason: `client sent ":protocol" header with method "${method}"` };
  // RFC 9220 3.
  if (protocol !== WEBSOCKET_PROTOCOL)
    return { status: 501, reason: `client requested unknown protocol "${protocol}"` };
  return null;
}

/** Fields of an extended CONNECT in the form of HTTP/1.1. */
export function handshakeFields(headers: HeaderBlock): HeaderBlock {
  const key = randomFillSync(random).toString('base64');
  const added = [
    ['upgrade', WEBSOCKET_PROTOCOL],
    ['connection', 'Upgrade'],
    [KEY_FIELD, key],
  ] as const;
  return headers.with(added, [KEY_FIELD]);
}

const KEY_LINE = /^Sec-WebSocket-Key:[ \t]*([^\r\n]*?)[ \t]*\r?$/im;

/** The key of a request to an upstream that asks for a WebSocket, in the form of HTTP/1.1; null for other requests. */
export function requestedKey(head: string): string | null {
  // Most requests have no such field.
  if (!head.includes('pgrade:') || !head.startsWith(`${HANDSHAKE_METHOD} `) || missingInRequest(head) !== null)
    return null;
  return KEY_LINE.exec(head)?.[1] ?? null;
}

/** Fields of a response that has opened a tunnel, in the form of a response with status 101 to a handshake with `key`. */
export function acceptedFields(headers: HeaderBlock, key: string): HeaderBlock {
  const added = [
    ['upgrade', WEBSOCKET_PROTOCOL],
    ['connection', 'Upgrade'],
    ['sec-websocket-accept', acceptOf(key)],
  ] as const;
  return headers.with(added, []);
}

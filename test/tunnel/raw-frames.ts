/** WebSocket frames by hand, for peers that do what `ws` would not. Strings are bytes. */
import { request } from '../kit/index.js';

/** `text…` is the opcode with FIN; `more` leaves FIN out. */
export interface RawFrame {
  readonly opcode?: number;
  readonly more?: boolean;
  readonly payload: string;
}

/** A frame of a server, or (`masked`) of a client; its mask is all zeros, so that the payload can be read. */
export function frame({ opcode = 1, more = false, payload }: RawFrame, masked = false): string {
  const length =
    payload.length < 126
      ? String.fromCharCode(payload.length | (masked ? 0x80 : 0))
      : String.fromCharCode(126 | (masked ? 0x80 : 0), payload.length >> 8, payload.length & 0xff);
  return `${String.fromCharCode((more ? 0 : 0x80) | opcode)}${length}${masked ? '\0\0\0\0' : ''}${payload}`;
}

/** A Close frame of a server, or (`masked`) of a client. */
export function close(code: number, masked = false): string {
  return frame({ opcode: 8, payload: String.fromCharCode(code >> 8, code & 0xff) }, masked);
}

/** The status code of a masked Close frame with a code. */
export function codeOf(masked: string): number {
  const bytes = [...masked].map((char) => char.charCodeAt(0));
  const at = (i: number): number => bytes[i] ?? 0;
  return ((at(6) ^ at(2)) << 8) | (at(7) ^ at(3));
}

/** The request and the answer that make a tunnel. */
export const UPGRADE = request('/', {
  fields: ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: x'],
});
export const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n';

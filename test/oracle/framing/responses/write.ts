/** Short forms for the bytes of a back end. */
import type { ResponseCase } from '../response-outcome.js';

/** An answer that must never reach anybody. */
export const SMUGGLED = 'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled';

/** A head of these lines. */
export const head = (...lines: readonly string[]): string => `${lines.join('\r\n')}\r\n\r\n`;

type Options = Partial<Omit<ResponseCase, 'name' | 'send'>>;

/** An answer behind which the back end waits for the next request. */
export const stays = (name: string, send: string, options: Options = {}): ResponseCase => ({
  name,
  send,
  stays: true,
  ...options,
});

/** An answer behind which the back end ends the connection. */
export const ends = (name: string, send: string, options: Options = {}): ResponseCase => ({
  name,
  send,
  stays: false,
  ...options,
});

/** An answer with further field lines and a body; the connection ends behind it. */
export const ok = (name: string, fields: readonly string[], body: string, options: Options = {}): ResponseCase =>
  ends(name, head('HTTP/1.1 200 OK', ...fields) + body, options);

/** Ways to cut a text, and what a reader says of one that comes in pieces. */

import type { HeaderBlock } from '../../src/http/header-block.js';
import { COMPLETE, type HeadLimits, MORE, RequestReader } from '../../src/http1/request-reader.js';
import { ResponseReader } from '../../src/http1/response-reader.js';

/** nginx's defaults: `client_header_buffer_size 1k`, `large_client_header_buffers 4 8k`, `max_headers 1000`. */
export const DEFAULT_LIMITS: HeadLimits = {
  first: 1024,
  number: 4,
  size: 8192,
  fields: 1000,
  dropInvalid: true,
  underscores: false,
};

/** The text in two pieces, cut at every place in turn. */
export function* twoPieces(text: string): Generator<string[]> {
  for (let cut = 1; cut < text.length; cut++) yield [text.slice(0, cut), text.slice(cut)];
}

/** The text cut at all of these places (taken modulo its length). */
export function cutAt(text: string, places: readonly number[]): string[] {
  const cuts = [...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) => a - b);
  return [0, ...cuts].map((cut, i) => text.slice(cut, cuts[i] ?? text.length)).filter((piece) => piece !== '');
}

function fieldsOf(headers: HeaderBlock): string {
  let out = '';
  for (let i = 0; i < headers.count; i++) out += ` | ${headers.name(i)}=${headers.value(i)}`;
  return out;
}

/** Result of reading a request head, as one line: `METHOD target version (authority) | name=value … > bytes behind it`. */
export function readRequest(pieces: readonly string[], limits: HeadLimits, reader = new RequestReader()): string {
  for (const [i, piece] of pieces.entries()) {
    const result = reader.feed(piece, limits);
    if (result === MORE) continue;
    if (result !== COMPLETE) return `${reader.status} ${reader.reason}`;
    const rest = reader.received.slice(reader.length) + pieces.slice(i + 1).join('');
    const authority = reader.authority === null ? '' : ` (${reader.authority})`;
    const marks = `${reader.complex ? ' complex' : ''}${reader.query < 0 ? '' : ` ?${reader.query}`}`;
    const dropped = reader.dropped === null ? '' : ` | dropped ${reader.dropped.join(', ')}`;
    const version = ['0.9', '1.0', '1.1'][reader.version - 9] as string;
    return `${reader.method} ${reader.target} ${version}${authority}${marks}${fieldsOf(reader.headers)}${dropped}${rest === '' ? '' : ` > ${rest}`}`;
  }
  return 'more';
}

/** Result of reading a response head: `version status reason | name=value … > bytes behind it`. */
export function readResponse(pieces: readonly string[], limit: number, reader = new ResponseReader()): string {
  for (const [i, piece] of pieces.entries()) {
    const result = reader.feed(piece, limit);
    if (result === MORE) continue;
    if (result !== COMPLETE) return `refused: ${reader.refusal}`;
    const rest = reader.received.slice(reader.length) + pieces.slice(i + 1).join('');
    return `${reader.version} ${reader.status} ${reader.reason}${fieldsOf(reader.headers)}${rest === '' ? '' : ` > ${rest}`}`;
  }
  return 'more';
}

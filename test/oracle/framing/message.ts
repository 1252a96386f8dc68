/**
 * A strict reader of HTTP/1 messages (RFC 9112), written apart from the proxy's own. Whatever could be framed in two
 * ways is a fault: what a proxy sends must be read alike by every recipient.
 */

/** One message, in a form in which equal messages are equal. All strings are bytes. */
export interface Message {
  /** The request line or status line. */
  readonly start: string;
  /** `name: value` with the name in lower case, sorted. Without the fields that frame the body. */
  readonly fields: readonly string[];
  /** The content, as far as it came. */
  readonly body: string;
  readonly trailers: readonly string[];
  readonly complete: boolean;
  /** Why it is no message; empty where it is one. */
  readonly fault: string;
}

/** A message and the offset behind it. */
export interface Read {
  readonly message: Message;
  readonly end: number;
}

/** Properties of the connection on which the reading depends. */
export interface Around {
  /** For an answer: the method of its request. Null for a request. */
  readonly method: string | null;
  /** No more bytes will come. */
  readonly ended: boolean;
}

/** Not only tokens: both proxies pass on other names of a back end, which end no earlier for anybody. */
const NAME = /^[^\0-\x20\x7f:]+$/;
const REQUEST_LINE = /^[A-Z_-]+ [^\0-\x20\x7f]+ HTTP\/1\.[01]$/;
const STATUS_LINE = /^HTTP\/1\.[01] [1-9]\d\d(?: [^\r\n]*)?$/;

const broken = (start: string, fault: string): Message => ({
  start,
  fields: [],
  body: '',
  trailers: [],
  complete: false,
  fault,
});

/** Reads one message from `from` on. Undefined where there is no byte. */
export function readMessage(bytes: string, from: number, around: Around): Read | undefined {
  if (from >= bytes.length) return undefined;
  const headEnd = bytes.indexOf('\r\n\r\n', from);
  const head = headEnd < 0 ? bytes.slice(from) : bytes.slice(from, headEnd);
  const lines = head.split('\r\n');
  const start = lines[0] ?? '';
  const fail = (fault: string): Read => ({ message: broken(start, fault), end: bytes.length });
  if (headEnd < 0) return fail('');
  if (/[\r\n]/.test(lines.join('')) || lines.slice(1).some((line) => line.includes('\0'))) {
    return fail('a control byte in the head');
  }
  if (!(around.method === null ? REQUEST_LINE : STATUS_LINE).test(start)) return fail('a start line that is none');
  const fields = fieldsOf(lines.slice(1));
  if (fields === null) return fail('a field line that is none');
  const framing = framingOf(start, fields, around.method);
  if (typeof framing === 'string') return fail(framing);
  const bodyAt = headEnd + 4;
  const rest = fields.filter(([name]) => name !== 'content-length' && name !== 'transfer-encoding');
  const whole = { start: start.trimEnd(), fields: rest.map(([name, value]) => `${name}: ${value}`).sort(), fault: '' };
  if (framing === CHUNKED) {
    const { body, trailers, end, complete, fault } = readChunks(bytes, bodyAt);
    return { message: { ...whole, body, trailers, complete, fault }, end };
  }
  const end = framing === UNTIL_CLOSE ? bytes.length : Math.min(bytes.length, bodyAt + framing);
  const body = bytes.slice(bodyAt, end);
  const complete = framing === UNTIL_CLOSE ? around.ended : body.length === framing;
  return { message: { ...whole, body, trailers: [], complete }, end };
}

function fieldsOf(lines: readonly string[]): (readonly [name: string, value: string])[] | null {
  const fields = lines.map((line): readonly [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, Math.max(colon, 0)).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return fields.every(([name]) => NAME.test(name)) ? fields : null;
}

const CHUNKED = -1;
const UNTIL_CLOSE = -2;

/** Bytes, CHUNKED or UNTIL_CLOSE; a text is a fault. */
function framingOf(
  start: string,
  fields: readonly (readonly [name: string, value: string])[],
  method: string | null,
): number | string {
  const lengths = fields.filter(([name]) => name === 'content-length');
  const codings = fields.filter(([name]) => name === 'transfer-encoding');
  if (lengths.length + codings.length > 1) return 'two fields that frame the body';
  const status = method === null ? 0 : Number(start.split(' ')[1]);
  const bodiless = method === 'HEAD' || (status >= 100 && status < 200) || status === 204 || status === 304;
  const [, coding] = codings[0] ?? [];
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') return 'an unknown coding';
  const [, length] = lengths[0] ?? [];
  if (length !== undefined && !/^\d{1,15}$/.test(length)) return 'a length that is none';
  if (bodiless) return 0;
  if (coding !== undefined) return CHUNKED;
  return length !== undefined ? Number(length) : method === null ? 0 : UNTIL_CLOSE;
}

interface Chunks {
  readonly body: string;
  readonly trailers: readonly string[];
  readonly end: number;
  readonly complete: boolean;
  readonly fault: string;
}

function readChunks(bytes: string, from: number): Chunks {
  let body = '';
  let at = from;
  const stop = (fault: string): Chunks => ({ body, trailers: [], end: bytes.length, complete: false, fault });
  for (;;) {
    const line = bytes.indexOf('\r\n', at);
    if (line < 0) return stop('');
    const size = bytes.slice(at, line);
    if (!/^[0-9a-fA-F]{1,13}$/.test(size)) return stop('a chunk size that is none');
    const dataAt = line + 2;
    const length = Number.parseInt(size, 16);
    if (length === 0) {
      at = dataAt;
      break;
    }
    body += bytes.slice(dataAt, dataAt + length);
    if (bytes.length < dataAt + length + 2) return stop('');
    if (bytes.slice(dataAt + length, dataAt + length + 2) !== '\r\n') return stop('no line break behind a chunk');
    at = dataAt + length + 2;
  }
  const end = bytes.startsWith('\r\n', at) ? at : bytes.indexOf('\r\n\r\n', at);
  if (end < 0) return stop('');
  const lines = end === at ? [] : bytes.slice(at, end).split('\r\n');
  const fields = fieldsOf(lines);
  if (fields === null || /[\0\r\n]/.test(lines.join(''))) return stop('a trailer that is no field line');
  const trailers = fields.map(([name, value]) => `${name}: ${value}`);
  return { body, trailers, end: end === at ? at + 2 : end + 4, complete: true, fault: '' };
}

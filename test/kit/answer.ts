/** Response parser for tests, written independently of the proxy's own parser so that one checks the other. */

/** One HTTP/1 response. All strings are bytes. */
export interface Answer {
  /** The bytes as received, including interim responses. */
  readonly raw: string;
  /** Status codes of the preceding interim (1xx) responses. */
  readonly interim: readonly number[];
  readonly status: number;
  readonly reason: string;
  readonly statusLine: string;
  /** Field lines as received: name (case kept) and value. */
  readonly fields: readonly (readonly [string, string])[];
  /** The body without its framing. */
  readonly body: string;
  /** The body as received, with chunk sizes. */
  readonly rawBody: string;
  /** Trailer fields. */
  readonly trailers: readonly (readonly [string, string])[];
  /** Value of a field; several are joined by `, `; undefined if there is none. */
  field(name: string): string | undefined;
}

/** Length of the first whole response in `bytes`, or undefined if it is incomplete. `ended`: no more bytes follow. */
export function answerLength(bytes: string, method: string, ended: boolean): number | undefined {
  let at = 0;
  for (;;) {
    const end = bytes.indexOf('\r\n\r\n', at);
    if (end < 0) return undefined;
    const status = statusOf(bytes.slice(at, end));
    const bodyAt = end + 4;
    if (status >= 100 && status < 200 && status !== 101) {
      at = bodyAt;
      continue;
    }
    const fields = parseFields(bytes.slice(at, end).split('\r\n').slice(1));
    const length = bodyLength(bytes, bodyAt, fields, status, method, ended);
    return length === undefined ? undefined : bodyAt + length;
  }
}

function bodyLength(
  bytes: string,
  from: number,
  fields: readonly (readonly [string, string])[],
  status: number,
  method: string,
  ended: boolean,
): number | undefined {
  if (method === 'HEAD' || status === 101 || status === 204 || status === 304) return 0;
  const rest = bytes.length - from;
  if (/chunked/i.test(find(fields, 'transfer-encoding') ?? '')) {
    const chunks = readChunks(bytes, from);
    return chunks === undefined ? (ended ? rest : undefined) : chunks.end - from;
  }
  const declared = find(fields, 'content-length');
  if (declared !== undefined) {
    const length = Number(declared);
    return rest >= length ? length : ended ? rest : undefined;
  }
  return ended ? rest : undefined;
}

/** Parses a response. */
export function parseAnswer(raw: string, method = 'GET'): Answer {
  const interim: number[] = [];
  let at = 0;
  let end = 0;
  for (;;) {
    end = raw.indexOf('\r\n\r\n', at);
    if (end < 0) throw new Error(`not an answer: ${JSON.stringify(raw)}`);
    const status = statusOf(raw.slice(at, end));
    if (status < 100 || status > 199 || status === 101) break;
    interim.push(status);
    at = end + 4;
  }
  const lines = raw.slice(at, end).split('\r\n');
  const statusLine = lines[0] ?? '';
  const fields = parseFields(lines.slice(1));
  const rawBody = raw.slice(end + 4);
  const chunked = method !== 'HEAD' && /chunked/i.test(find(fields, 'transfer-encoding') ?? '');
  const chunks = chunked ? readChunks(raw, end + 4) : undefined;
  return {
    raw,
    interim,
    status: statusOf(statusLine),
    reason: statusLine.split(' ').slice(2).join(' '),
    statusLine,
    fields,
    body: chunks?.body ?? rawBody,
    rawBody,
    trailers: chunks?.trailers ?? [],
    field: (name) => find(fields, name.toLowerCase()),
  };
}

function statusOf(head: string): number {
  const match = /^HTTP\/\d\.\d (\d{3})/.exec(head);
  if (match === null) throw new Error(`not a status line: ${JSON.stringify(head.slice(0, 200))}`);
  return Number(match[1]);
}

function parseFields(lines: readonly string[]): (readonly [string, string])[] {
  return lines.map((line) => {
    const colon = line.indexOf(':');
    if (colon <= 0) throw new Error(`not a field line: ${JSON.stringify(line)}`);
    return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
  });
}

function find(fields: readonly (readonly [string, string])[], name: string): string | undefined {
  const values = fields.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(', ');
}

/** Reads a chunked body (RFC 9112, 7.1) that starts at `from`; undefined if it is incomplete. */
function readChunks(
  bytes: string,
  from: number,
): { body: string; end: number; trailers: (readonly [string, string])[] } | undefined {
  const body: string[] = [];
  let at = from;
  for (;;) {
    const line = bytes.indexOf('\r\n', at);
    if (line < 0) return undefined;
    const size = Number.parseInt(bytes.slice(at, line), 16);
    if (Number.isNaN(size)) throw new Error(`not a chunk size: ${JSON.stringify(bytes.slice(at, line))}`);
    if (size === 0) return readTrailers(bytes, line + 2, body.join(''));
    const end = line + 2 + size;
    if (bytes.length < end + 2) return undefined;
    if (bytes.slice(end, end + 2) !== '\r\n') throw new Error(`no line break after a chunk at ${end}`);
    body.push(bytes.slice(line + 2, end));
    at = end + 2;
  }
}

function readTrailers(
  bytes: string,
  from: number,
  body: string,
): { body: string; end: number; trailers: (readonly [string, string])[] } | undefined {
  if (bytes.startsWith('\r\n', from)) return { body, end: from + 2, trailers: [] };
  const end = bytes.indexOf('\r\n\r\n', from);
  if (end < 0) return undefined;
  return { body, end: end + 4, trailers: parseFields(bytes.slice(from, end).split('\r\n')) };
}

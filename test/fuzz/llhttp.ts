/** The first request on a connection, as tsproxy and as llhttp read it. */
import assert from 'node:assert/strict';
import { ChunkedDecoder } from '../../src/http1/chunked.js';
import { COMPLETE, type HeadLimits, RequestReader, requestFraming } from '../../src/http1/request-reader.js';
import { readWithLlhttp } from '../http1/llhttp.js';
import { DEFAULT_LIMITS } from '../http1/splits.js';
import { CLIENTS, WORDS } from './heads.js';
import { type FuzzTarget, mutatedBytes } from './target.js';

/** Nothing is dropped, so that all fields can be compared. */
const LIMITS: HeadLimits = { ...DEFAULT_LIMITS, dropInvalid: false, underscores: true };

interface Read {
  readonly method: string;
  /** As in the request line. */
  readonly target: string;
  readonly fields: readonly string[];
  readonly body: string;
  /** Bytes of the whole request. */
  readonly length: number;
}

/** The first request where it is accepted and complete; null otherwise. */
function firstRequest(text: string): Read | null {
  const reader = new RequestReader();
  if (reader.feed(text, LIMITS) !== COMPLETE || reader.version === 9) return null;
  const { headers, length } = reader;
  const framing = requestFraming(headers, reader.version);
  if (framing.status !== 0) return null;
  const blank = /^[\r\n]*/.exec(text)?.[0].length ?? 0;
  const bodyAt = blank + length;
  let body = text.slice(bodyAt, bodyAt + framing.length);
  let end = bodyAt + framing.length;
  if (framing.length >= 0) {
    if (body.length < framing.length) return null;
  } else {
    body = '';
    const decoder = new ChunkedDecoder();
    const bytes = Buffer.from(text, 'latin1');
    end = decoder.decode(bytes, bodyAt, bytes.length, {
      chunkData: (data, from, to) => {
        body += data.latin1Slice(from, to);
      },
    });
    if (!decoder.done) return null;
  }
  const fields: string[] = [];
  for (let i = 0; i < headers.count; i++) fields.push(headers.name(i), trimmed(headers.value(i)));
  return { method: reader.method, target: reader.requestLine.split(/ +/)[1] ?? '', fields, body, length: end };
}

/** nginx, and tsproxy with it, takes a tab for a part of the value; llhttp for whitespace around it (RFC 9110 5.5). */
const trimmed = (value: string): string => value.replace(/^[ \t]+|[ \t]+$/g, '');

/** Behind an upgrade or CONNECT there is no body for llhttp. */
function upgrades({ method, fields }: Read): boolean {
  return method === 'CONNECT' || fields.some((text, i) => i % 2 === 0 && text.toLowerCase() === 'upgrade');
}

/**
 * llhttp may refuse what is accepted here (unknown methods, versions, a bare LF, names that are no tokens, a line without
 * colon): a back end with it answers 400, and nothing is misread. What it accepts must be the same request.
 */
export async function checkAgainstLlhttp(text: string): Promise<void> {
  const ours = firstRequest(text);
  if (ours === null) return;
  const { requests, error } = await readWithLlhttp(text.slice(0, ours.length));
  const [theirs, ...more] = requests;
  assert.equal(more.length, 0, 'llhttp reads more than one request');
  if (theirs === undefined || (error !== '' && !theirs.complete)) {
    assert.notEqual(error, 'HPE_INVALID_EOF_STATE', 'llhttp waits for more bytes');
    return;
  }
  const body = upgrades(ours) ? theirs.body : ours.body;
  assert.deepEqual(
    { ...theirs, fields: theirs.fields.map((value, i) => (i % 2 === 0 ? value : trimmed(value))), complete: true },
    { method: ours.method, target: ours.target, fields: ours.fields, body, complete: true },
  );
}

export const llhttp: FuzzTarget = {
  name: 'llhttp',
  make: (random) => mutatedBytes(CLIENTS, WORDS, random),
  check: checkAgainstLlhttp,
};

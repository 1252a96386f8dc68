/** nginx's `ngx_http_range_filter_module`: range requests (RFC 9110 14). */

import { MAX_RANGES } from '../exchange/file-settings.js';
import { type ByteRange, parseByteRanges } from '../http/byte-ranges.js';
import { Field } from '../http/field-names.js';
import { parseHttpDate } from '../http/http-date.js';
import { modifiedSeconds } from '../http/modified.js';
import type { BodyPart, ResponseHead } from '../http/response-head.js';
import type { BodyFilter, Chunk } from '../program/body.js';
import type { Exchange } from '../program/exchange.js';
import { defineModule } from '../program/module.js';

/** Number in the next boundary; boundaryNumber have to differ only within what one client receives at a time. */
let boundaryNumber = Math.floor(Math.random() * 2 ** 32);

/** Reduces a complete response to the requested ranges; returns 416 if none can be satisfied. */
function cutRanges(x: Exchange): number | undefined {
  const { headers, response } = x;
  const maxRanges = x.location.settings.get(MAX_RANGES);
  if (
    x.nested !== null ||
    x.version < 10 ||
    response.status !== 200 ||
    response.contentLength < 0 ||
    !x.allowRanges ||
    maxRanges === 0
  ) {
    return undefined;
  }
  const range = headers.valueOf(Field.Range);
  if (range !== undefined && range.length >= 7 && /^bytes=/i.test(range) && conditionHolds(x)) {
    const ranges = parseByteRanges(range, response.contentLength, response.seekable ? maxRanges : 1);
    if (ranges === 'unsatisfiable') {
      response.set('Content-Range', `bytes */${response.contentLength}`);
      response.contentLength = -1;
      return 416;
    }
    if (ranges !== 'ignored') {
      response.status = 206;
      response.reason = null;
      const [only] = ranges;
      if (ranges.length === 1 && only !== undefined) singlePart(x, only);
      else multipart(x, ranges);
      return undefined;
    }
  }
  response.add('Accept-Ranges', 'bytes');
  return undefined;
}

/** Evaluates `If-Range`: whether the client has parts of the same representation. */
function conditionHolds(x: Exchange): boolean {
  const condition = x.headers.valueOf(Field.IfRange);
  if (condition === undefined) return true;
  if (condition.length >= 2 && condition.endsWith('"')) return condition === x.response.etag;
  const modified = modifiedSeconds(x.response);
  return modified >= 0 && parseHttpDate(condition) === modified;
}

function singlePart(x: Exchange, range: ByteRange): void {
  const { response } = x;
  response.set('Content-Range', `bytes ${range.start}-${range.end - 1}/${response.contentLength}`);
  response.parts = [{ text: '', start: range.start, end: range.end }];
  response.contentLength = range.end - range.start;
}

function multipart(x: Exchange, ranges: readonly ByteRange[]): void {
  const { response } = x;
  boundaryNumber = (boundaryNumber + 1) % 2 ** 32;
  const boundary = String(boundaryNumber).padStart(20, '0');
  const type = response.contentType === null ? '' : `Content-Type: ${response.contentType}\r\n`;
  const parts: BodyPart[] = ranges.map(({ start, end }) => ({
    text: `\r\n--${boundary}\r\n${type}Content-Range: bytes ${start}-${end - 1}/${response.contentLength}\r\n\r\n`,
    start,
    end,
  }));
  parts.push({ text: `\r\n--${boundary}--\r\n`, start: 0, end: 0 });
  response.remove('content-range');
  response.contentType = `multipart/byteranges; boundary=${boundary}`;
  response.parts = parts;
  response.contentLength = parts.reduce((sum, { text, start, end }) => sum + text.length + end - start, 0);
}

/** Cuts one range out of a body that is streamed sequentially. `response.contentOffset` is the position in the content. */
class RangeFilter implements BodyFilter {
  constructor(
    private readonly range: ByteRange,
    private readonly response: ResponseHead,
  ) {}

  push(chunk: Chunk | null, next: (chunk: Chunk | null) => boolean): boolean {
    if (chunk === null) return next(null);
    const { start, end } = this.range;
    const from = this.response.contentOffset;
    const to = from + chunk.length;
    this.response.contentOffset = to;
    if (end <= from || start >= to) return true;
    const first = Math.max(0, start - from);
    const last = Math.min(chunk.length, end - from);
    return next(typeof chunk === 'string' ? chunk.slice(first, last) : chunk.subarray(first, last));
  }
}

function rangeFilter(x: Exchange): BodyFilter | null {
  const { parts, seekable } = x.response;
  const [part] = parts ?? [];
  return part === undefined || seekable ? null : new RangeFilter(part, x.response);
}

export default defineModule({
  name: 'range',
  doc: 'Responds to requests with a `Range` field with parts of the content: one range, a suffix, or several as `multipart/byteranges`; `416 (Range Not Satisfiable)` if no range overlaps the content. `If-Range` is supported. Its setting, `max_ranges`, belongs to the core module.',
  directives: {},
  headerFilter: { order: 90, compile: () => cutRanges },
  bodyFilter: { order: 90, compile: () => rangeFilter },
});

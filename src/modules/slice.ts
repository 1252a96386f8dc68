/** nginx's `ngx_http_slice_filter_module`: requests a large response in slices, each of which can be cached. */
import { REQUESTED_PART } from '../cache/requested-part.js';
import { size } from '../config/argument-types.js';
import { parseInteger } from '../config/units.js';
import { Field } from '../http/field-names.js';
import type { BodyFilter, Chunk, Producer } from '../program/body.js';
import { logError } from '../program/error-context.js';
import type { Exchange, Subrequest, SubrequestSink } from '../program/exchange.js';
import { defineModule } from '../program/module.js';
import { SettingsKey } from '../program/settings-key.js';
import { StateKey } from '../program/state-key.js';

/** Size of a slice in bytes; 0: responses are not sliced. */
const SLICE_SIZE = new SettingsKey('slice', 0);
/** Slices of a request, which its subrequests share; null: the response has turned out to be another one. */
const SLICES = new StateKey<Slices | null>('slices');

/** Status with which the engine closes a connection without a response. */
const CLOSE = 444;

interface ContentRange {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  /** Length of the whole content; -1 if unknown. */
  readonly length: number;
}

/** nginx: ngx_http_slice_parse_content_range. */
function parseContentRange(value: string): ContentRange | null {
  const [, first = '', last = '', length = ''] = /^bytes +(\d+) *- *(\d+) *\/ *(\d+|\*) *$/.exec(value) ?? [];
  const start = Number(first);
  const end = Number(last) + 1;
  if (first === '' || !Number.isSafeInteger(start) || !Number.isSafeInteger(end)) return null;
  return { start, end, length: length === '*' ? -1 : Number(length) };
}

/** Offset at which the client's range begins, 0 if it has none. nginx: ngx_http_slice_get_start. */
function rangeStart({ headers }: Exchange): number {
  if (headers.indexOf(Field.IfRange) >= 0) return 0;
  const [, start = ''] = /^bytes= *(\d+)[^,]*$/i.exec(headers.valueOf(Field.Range) ?? '') ?? [];
  return parseInteger(start) ?? 0;
}

class Slices {
  /** Where the next slice begins. */
  start: number;
  /** End of the content that is sent; -1 before it is known. */
  end = -1;
  /** `ETag` of all slices; null before it is known, or if there is none. */
  etag: string | null = null;
  /** Whether the last slice that was requested has been received. */
  received = false;
  /** Length of the whole content. */
  length = 0;

  constructor(
    readonly size: number,
    from: number,
  ) {
    this.start = size * Math.floor(from / size);
  }

  /** Range of the slice that is requested: `$slice_range`. */
  get range(): string {
    return `bytes=${this.start}-${this.start + this.size - 1}`;
  }

  /** Checks the head of a slice; returns an error, in nginx's words, or the range. */
  check({ response }: Exchange): ContentRange | string {
    if (this.etag !== null && response.etag !== this.etag) return 'etag mismatch in slice response';
    this.etag ??= response.etag;
    const range = parseContentRange(response.get('content-range') ?? '');
    if (range === null) return 'invalid range in slice response';
    if (range.length < 0) return 'no complete length in slice response';
    const end = Math.min(range.start + this.size, range.length);
    if (range.start === this.start && range.end === end) return range;
    return `unexpected range in slice response: ${range.start}-${range.end}, expected: ${this.start}-${end}`;
  }
}

/** Makes the head of the first slice that of the whole content, and checks those of the others. */
function sliceHead(x: Exchange): number | undefined {
  const slices = x.state(SLICES) ?? null;
  if (slices === null) return undefined;
  const { response } = x;
  if (response.status !== 206) {
    if (x.nested !== null) {
      logError(x, 'error', `unexpected status code ${response.status} in slice response`);
      return CLOSE;
    }
    x.setState(SLICES, null);
    return undefined;
  }
  const range = slices.check(x);
  if (typeof range === 'string') {
    logError(x, 'error', range);
    return CLOSE;
  }
  slices.start = range.end;
  slices.received = true;
  if (x.nested !== null) return undefined;
  slices.length = range.length;
  response.status = 200;
  response.reason = null;
  response.contentLength = range.length;
  response.contentOffset = range.start;
  response.remove('content-range');
  response.remove('accept-ranges');
  response.seekable = false;
  x.allowRanges = true;
  return undefined;
}

/** Requests the further slices when the first one is complete. */
class SliceFilter implements BodyFilter, Producer, SubrequestSink {
  private next: ((chunk: Chunk | null) => boolean) | null = null;
  /** The slice that is being received. */
  private current: Subrequest | null = null;

  constructor(
    private readonly x: Exchange,
    private readonly slices: Slices,
  ) {}

  push(chunk: Chunk | null, next: (chunk: Chunk | null) => boolean): boolean {
    if (chunk !== null) return next(chunk);
    this.next = next;
    this.x.producer = this;
    this.proceed();
    return true;
  }

  chunk(chunk: Chunk): boolean {
    return this.next?.(chunk) ?? true;
  }

  done(subrequest: Subrequest): void {
    this.current = null;
    if (this.x.finished) return;
    if (subrequest.exchange.completed) this.proceed();
    else this.fail();
  }

  private proceed(): void {
    const { x, slices } = this;
    if (!slices.received) {
      logError(x, 'error', 'missing slice response');
      this.fail();
      return;
    }
    if (slices.end < 0) this.findEnd();
    if (slices.start >= slices.end) {
      x.producer = null;
      this.next?.(null);
      return;
    }
    slices.received = false;
    const body = x.body !== null;
    this.current = x.subrequest(x.uri, x.args, { sink: this, method: x.method, clone: true, body });
    if (this.current === null) this.fail();
    else {
      this.current.exchange.setState(SLICES, slices);
      this.current.exchange.setState(REQUESTED_PART, true);
    }
  }

  /** The other filters have determined which range is sent. */
  private findEnd(): void {
    const { slices } = this;
    const [part] = this.x.response.parts ?? [];
    slices.end = part?.end ?? slices.length;
    if (part !== undefined && slices.start + slices.size <= part.start) {
      slices.start = slices.size * Math.floor(part.start / slices.size);
      this.x.response.contentOffset = slices.start;
    }
  }

  private fail(): void {
    const { x } = this;
    x.producer = null;
    x.flush();
    x.abort();
  }

  resume(): void {
    this.current?.resume();
  }

  abort(): void {
    this.current?.abort();
  }
}

export default defineModule({
  name: 'slice',
  doc: 'Requests large responses from an upstream in slices of a fixed size, so that ranges of them can be cached separately. Its variable must be part of the request and of the key: `proxy_set_header Range $slice_range;`, `proxy_cache_key $uri$is_args$args$slice_range;` and `proxy_cache_valid 200 206 1h;`.',
  directives: {
    slice: {
      contexts: ['http', 'server', 'location'],
      takes: size,
      default: '0',
      doc: 'Size of a slice; with `0`, responses are not sliced. The upstream must support ranges. A client gets the whole response, or the range that it requested, from slices that are requested one after the other; all of them must have the same entity tag.',
      example: 'slice 1m;',
    },
  },
  variables: {
    slice_range: {
      get(x) {
        const known = x.state(SLICES);
        if (known === null) return undefined;
        if (known !== undefined) return known.range;
        const bytes = x.location.settings.get(SLICE_SIZE);
        if (bytes === 0 || x.nested !== null || x.response.status !== 0) return undefined;
        const slices = new Slices(bytes, rangeStart(x));
        x.setState(SLICES, slices);
        x.setState(REQUESTED_PART, true);
        return slices.range;
      },
      doc: 'The range of the slice that is requested, as a value of `Range`; empty without `slice`.',
    },
  },
  settings(conf, at) {
    at.program.settings.set(SLICE_SIZE, conf.slice);
  },
  // Before conditions and ranges are evaluated.
  headerFilter: { order: 3, compile: (conf) => (conf.slice === 0 ? null : sliceHead) },
  bodyFilter: {
    order: 3,
    compile(conf) {
      if (conf.slice === 0) return null;
      return (x) => {
        const slices = x.nested === null ? (x.state(SLICES) ?? null) : null;
        return slices === null ? null : new SliceFilter(x, slices);
      };
    },
  },
});

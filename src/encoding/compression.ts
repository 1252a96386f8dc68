/** Compression of responses with one content coding: shared by the modules `gzip`, `brotli` and `zstd`. */
import type { MediaTypes } from '../config/media-types.js';
import { mediaTypeTest } from '../config/media-types.js';
import type { BodyFilter } from '../program/body.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import type { BodyFilterFactory, HeaderFilter } from '../program/module.js';
import { StateKey } from '../program/state-key.js';
import type { VariableSpec } from '../program/variable-spec.js';
import type { Codec } from './codec.js';
import { CodingFilter } from './coding-filter.js';
import { markVaries } from './gzip-settings.js';

/** Rules of a location. */
export interface CompressionRules {
  readonly codec: Codec;
  readonly types: readonly MediaTypes[];
  /** Minimum of a known length, bytes. */
  readonly minLength: number;
  /** Whether even small output is passed on immediately. */
  readonly unbuffered: boolean;
}

/** A response that is compressed; the filter is set as soon as its body begins. */
interface Compressed {
  readonly codec: Codec;
  /** Length before compression, bytes; -1 if unknown. */
  readonly length: number;
  readonly flushes: boolean;
  readonly unbuffered: boolean;
  filter: CodingFilter | null;
}

export class Compression {
  private readonly key: StateKey<Compressed | null>;

  constructor(
    /** Name in `Content-Encoding`. */
    private readonly coding: string,
    /** Whether the client and the configuration allow it for this response. */
    private readonly allowed: (x: Exchange) => boolean,
  ) {
    this.key = new StateKey(`compression ${coding}`);
  }

  /** Decides whether a response is compressed. nginx: ngx_http_gzip_header_filter. */
  headerFilter({ codec, types, minLength, unbuffered }: CompressionRules): HeaderFilter {
    const { coding, key } = this;
    const covers = mediaTypeTest(types.length === 0 ? [['text/html']] : types);
    return (x) => {
      const { response } = x;
      // A response that was replaced may have set one.
      if (x.state(key) !== undefined) x.setState(key, null);
      const { status, contentLength: length, contentType } = response;
      if (
        x.headOnly ||
        (status !== 200 && status !== 403 && status !== 404) ||
        (length >= 0 && length < minLength) ||
        !covers(contentType ?? '') ||
        response.contentCoding !== ''
      ) {
        return;
      }
      markVaries(x);
      if (!this.allowed(x)) return;
      if (!codec.available) {
        logError(x, 'info', `response is not compressed: the memory limit of compressors is reached`);
        return;
      }
      const flushes = x.unbuffered || contentType?.toLowerCase().startsWith('text/event-stream') === true;
      x.setState(key, { codec, length, flushes, unbuffered, filter: null });
      x.allowRanges = false;
      response.reencode(coding);
    };
  }

  readonly bodyFilter: BodyFilterFactory = (x): BodyFilter | null => {
    const compressed = x.state(this.key) ?? null;
    if (compressed === null) return null;
    const { codec, length, flushes, unbuffered } = compressed;
    compressed.filter = new CodingFilter(x, {
      stream: codec.take(length),
      rate: codec.rate,
      flushes,
      unbuffered,
      give: (stream) => codec.give(stream),
      failed: (errno) => logError(x, 'alert', `compression with ${this.coding} failed: ${errno}`),
    });
    return compressed.filter;
  };

  /** The filter of a response whose compression is complete; null if there is none. */
  private completed(x: Exchange): CodingFilter | null {
    const filter = x.state(this.key)?.filter ?? null;
    return filter?.finished === true && filter.bytesOut > 0 ? filter : null;
  }

  /** The variables of a module: `$gzip_ratio` and `$gzip_time`. */
  variables<const N extends string>(name: N): Readonly<Record<`${N}_ratio` | `${N}_time`, VariableSpec>> {
    return {
      [`${name}_ratio`]: {
        get: (x: Exchange) => {
          const filter = this.completed(x);
          return filter === null ? undefined : ratio(filter.bytesIn, filter.bytesOut);
        },
        doc: 'Compression ratio: length of the response before compression divided by the length after it, with two decimals. Empty until the response is complete.',
      },
      [`${name}_time`]: {
        get: (x: Exchange) => {
          const filter = this.completed(x);
          return filter === null ? undefined : (filter.time / 1000).toFixed(6);
        },
        doc: 'Time spent on compressing the response, in seconds with six decimals; work in the thread pool includes the time in its queue. An extension of tsproxy. Empty until the response is complete.',
      },
    } as Readonly<Record<`${N}_ratio` | `${N}_time`, VariableSpec>>;
  }
}

/** nginx's notation of a ratio: two decimals, rounded by the third. */
function ratio(bytesIn: number, bytesOut: number): string {
  const thousandths = Math.floor((bytesIn * 1000) / bytesOut);
  const hundredths = Math.floor(thousandths / 10) + (thousandths % 10 > 4 ? 1 : 0);
  return `${Math.floor(hundredths / 100)}.${String(hundredths % 100).padStart(2, '0')}`;
}

/** Codecs of `node:zlib` with the parameters of their modules. The library is loaded when the first one is created. */
import type { Transform } from 'node:stream';
import type { BrotliOptions, Zlib } from 'node:zlib';
import { type Codec, sharedCodec } from './codec.js';
import type { FlushModes } from './zlib-stream.js';

/** The part of `node:zlib` for Zstandard: Node.js 22.15, 23.8 and later. */
interface ZstdLibrary {
  createZstdCompress?(options: { readonly params: Readonly<Record<number, number>> }): Transform & Zlib;
  readonly constants: Readonly<Record<string, number>>;
}

// Constants of the libraries, which are the same in all versions.
const ZLIB_MODES: FlushModes = [0, 2, 4];
const BROTLI_MODES: FlushModes = [0, 1, 2];
const ZSTD_MODES: FlushModes = [0, 1, 2];

const BROTLI_PARAM_QUALITY = 1;
const BROTLI_PARAM_LGWIN = 2;
const ZSTD_C_COMPRESSION_LEVEL = 100;
const ZSTD_C_WINDOW_LOG = 101;

/** Measured with 64 KiB of JSON, ns per byte, by level. */
const GZIP_RATES = [0, 3, 4, 5, 7, 9, 11, 13, 18, 24];
const BROTLI_RATES = [2, 2, 4, 5, 7, 14, 15, 25, 40, 190, 500, 900];

function zlib(): typeof import('node:zlib') {
  return process.getBuiltinModule('node:zlib');
}

/** `windowBits` from 9 to 15, `memLevel` from 1 to 9. */
export function gzipCodec(level: number, windowBits: number, memLevel: number): Codec {
  return sharedCodec(`gzip ${level} ${windowBits} ${memLevel}`, () => ({
    create: () => zlib().createGzip({ level, windowBits, memLevel }),
    modes: ZLIB_MODES,
    memory: 8192 + (1 << (windowBits + 2)) + (1 << (memLevel + 9)),
    rate: GZIP_RATES[level] ?? 24,
    reusable: true,
  }));
}

export function gunzipCodec(): Codec {
  return sharedCodec('gunzip', () => ({
    create: () => zlib().createGunzip(),
    modes: ZLIB_MODES,
    memory: 8192 + 32768,
    rate: 0,
    reusable: true,
  }));
}

/** Size of the window, as a power of two, for a known length. nginx: ngx_http_brotli_filter_ensure_stream_initialized. */
function brotliWindow(windowBits: number, length: number): number {
  if (length <= 0) return windowBits;
  let bits = 10;
  while (bits < windowBits && length > 1 << bits) bits++;
  return bits;
}

/** `quality` from 0 to 11, `windowBits` from 10 to 24. */
export function brotliCodec(quality: number, windowBits: number): Codec {
  return sharedCodec(`br ${quality} ${windowBits}`, () => ({
    create: (length) => {
      const params: BrotliOptions['params'] = {
        [BROTLI_PARAM_QUALITY]: quality,
        [BROTLI_PARAM_LGWIN]: brotliWindow(windowBits, length),
      };
      return zlib().createBrotliCompress({ params });
    },
    modes: BROTLI_MODES,
    // The ring buffer, and hash tables that depend on the quality.
    memory: (1 << (windowBits + 1)) + (quality < 5 ? 1 << 18 : 1 << 21),
    rate: BROTLI_RATES[quality] ?? 900,
    // `reset` of Node.js restores the default quality.
    reusable: false,
  }));
}

/** Whether this version of Node.js provides Zstandard. */
export function hasZstd(): boolean {
  return typeof (zlib() as unknown as ZstdLibrary).createZstdCompress === 'function';
}

/** `level` from -131072 to 22, except 0. Null if this version of Node.js does not provide Zstandard. */
export function zstdCodec(level: number): Codec | null {
  const library = zlib() as unknown as ZstdLibrary;
  const { createZstdCompress } = library;
  if (createZstdCompress === undefined) return null;
  // Clients need not support larger windows (RFC 9659).
  const windowLog = level > 17 ? 23 : 0;
  return sharedCodec(`zstd ${level}`, () => ({
    // 0: the default of the level.
    create: () => createZstdCompress({ params: { [ZSTD_C_COMPRESSION_LEVEL]: level, [ZSTD_C_WINDOW_LOG]: windowLog } }),
    modes: ZSTD_MODES,
    memory: zstdMemory(level),
    rate: level < 6 ? 3 : level < 10 ? 15 : level < 13 ? 50 : 250,
    reusable: true,
  }));
}

/** Memory of a compressor by level, bytes: window, blocks and tables (ZSTD_estimateCStreamSize, rounded up). */
function zstdMemory(level: number): number {
  if (level < 3) return 2 << 20;
  if (level < 10) return 6 << 20;
  if (level < 16) return 24 << 20;
  return 90 << 20;
}

/** njs's module `zlib`: Node's, whose dictionary may be a string, and whose window of raw data may be negative. */
import zlib, { type ZlibOptions } from 'node:zlib';
import { bytesOf } from './bytes.js';

/** Smallest `chunkSize` of Node. */
const MIN_CHUNK = 64;

function options(given: unknown): ZlibOptions {
  if (typeof given !== 'object' || given === null) return {};
  const { dictionary, windowBits, chunkSize, ...others } = given as ZlibOptions;
  return {
    ...others,
    ...(dictionary !== undefined && { dictionary: bytesOf(dictionary) }),
    // zlib's own convention: raw data has a negative number.
    ...(windowBits !== undefined && { windowBits: Math.abs(windowBits) }),
    ...(chunkSize !== undefined && { chunkSize: Math.max(MIN_CHUNK, chunkSize) }),
  };
}

type Sync = (data: unknown, options?: unknown) => Buffer;

const CONVERTED: Readonly<Record<'deflateRawSync' | 'deflateSync' | 'inflateRawSync' | 'inflateSync', Sync>> = {
  deflateRawSync: (data, given) => zlib.deflateRawSync(bytesOf(data), options(given)),
  deflateSync: (data, given) => zlib.deflateSync(bytesOf(data), options(given)),
  inflateRawSync: (data, given) => zlib.inflateRawSync(bytesOf(data), options(given)),
  inflateSync: (data, given) => zlib.inflateSync(bytesOf(data), options(given)),
};

export const scriptZlib: Readonly<Record<string, unknown>> = { ...zlib, ...CONVERTED };

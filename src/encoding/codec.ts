/**
 * Compressors with the same parameters. Their states are reused, and the memory of all states in use is limited: beyond
 * the limit responses are sent uncompressed.
 */
import type { Transform } from 'node:stream';
import type { Zlib } from 'node:zlib';
import { type FlushModes, ZlibStream } from './zlib-stream.js';

/** Limit of the memory of compressors in use in this process, bytes. */
export const MAX_MEMORY = 256 << 20;
/** Limit of the memory of unused compressors kept for reuse, bytes. */
const MAX_SPARE = 8 << 20;

let inUse = 0;
let spareMemory = 0;

/** Memory of compressors in use and of unused ones, in bytes, as estimated from their parameters. */
export function compressorMemory(): { readonly inUse: number; readonly spare: number } {
  return { inUse, spare: spareMemory };
}

/** Parameters of compressors. */
export interface CodecOptions {
  /** Creates a stream; `length`: bytes to be compressed, -1 if unknown. */
  readonly create: (length: number) => Transform & Zlib;
  readonly modes: FlushModes;
  /** Estimated memory of one compressor, bytes. */
  readonly memory: number;
  /** Usual time per input byte, ns. */
  readonly rate: number;
  /** Whether a stream that was reset keeps its parameters. */
  readonly reusable: boolean;
}

export class Codec {
  private readonly spare: ZlibStream[] = [];

  constructor(private readonly options: CodecOptions) {}

  /** Usual time per input byte, ns. */
  get rate(): number {
    return this.options.rate;
  }

  /** Whether the memory limit allows another compressor. */
  get available(): boolean {
    return inUse + this.options.memory <= MAX_MEMORY;
  }

  /** Returns a compressor, which must be given back; `length`: bytes to be compressed, -1 if unknown. */
  take(length: number): ZlibStream {
    const { create, memory, modes } = this.options;
    inUse += memory;
    const spare = this.spare.pop();
    if (spare === undefined) return new ZlibStream(create(length), modes);
    spareMemory -= memory;
    return spare;
  }

  /** Takes back a compressor; it is reset, or closed if it cannot be. */
  give(stream: ZlibStream): void {
    const { memory, reusable } = this.options;
    inUse -= memory;
    if (reusable && spareMemory + memory <= MAX_SPARE && stream.reset()) {
      this.spare.push(stream);
      spareMemory += memory;
    } else stream.close();
  }
}

const codecs = new Map<string, Codec>();

/** The codec with this key, which represents all its parameters: shared by locations and reloads. */
export function sharedCodec(key: string, options: () => CodecOptions): Codec {
  let codec = codecs.get(key);
  if (codec === undefined) codecs.set(key, (codec = new Codec(options())));
  return codec;
}

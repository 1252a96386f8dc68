/** permessage-deflate (RFC 7692) on one side of a tunnel; it is negotiated with the classes of `ws`. */
import { type FlushModes, ZlibStream } from '../net/zlib-stream.js';
import { type Coded, MessageCodec } from './message-codec.js';
import type { PerMessageDeflate } from './ws-extension.js';

type Extension = typeof import('./ws-extension.js');
let ws: Extension | null = null;

/** Loads the implementation; required before any negotiation. */
export async function loadDeflate(): Promise<void> {
  ws ??= await import('./ws-extension.js');
}

function loaded(): Extension {
  if (ws === null) throw new Error('permessage-deflate was not loaded');
  return ws;
}

export interface DeflateSettings {
  /** Largest window, 9 to 15, in both directions: 2^bits bytes. */
  readonly windowBits: number;
  /** Whether the window is kept from one message to the next. */
  readonly contextTakeover: boolean;
  /** Maximum length of a decompressed message, bytes. */
  readonly maxMessage: number;
}

/** Messages shorter than this are not compressed: they would become longer. */
const MIN_LENGTH = 32;
/** Minimum length of compressed messages without context takeover; as in `ws`. */
const MIN_LENGTH_NO_TAKEOVER = 1024;

// `Z_NO_FLUSH`, `Z_SYNC_FLUSH` and `Z_FINISH`.
const MODES: FlushModes = [0, 2, 4];
/** With `Z_FULL_FLUSH`: later messages do not refer to earlier ones. */
const MODES_NO_TAKEOVER: FlushModes = [0, 3, 4];
/** Smallest size that Node.js allows: this buffer of its stream is not used. */
const CHUNK_SIZE = 64;
/** The defaults of Node.js would take 256 KiB more for each compressor. */
const COMPRESSION = { level: 3, memLevel: 6, chunkSize: CHUNK_SIZE };

function zlib(): typeof import('node:zlib') {
  return process.getBuiltinModule('node:zlib');
}

/** The negotiated extension of one side. */
export class Deflate {
  /** Decompression of the messages of that side; its state of zlib exists from the first one on. */
  private readonly inflater: MessageCodec;
  /** Compression of the messages to that side. */
  private readonly deflater: MessageCodec;
  private readonly minLength: number;

  constructor(
    { params }: PerMessageDeflate,
    /** Role of the proxy on this side. */
    role: 'server' | 'client',
    /** Value of `Sec-WebSocket-Extensions`. */
    readonly field: string,
    maxMessage: number,
  ) {
    const peer = role === 'server' ? 'client' : 'server';
    const takeover = params?.[`${role}_no_context_takeover`] !== true;
    const windowBits = windowOf(params?.[`${role}_max_window_bits`]);
    const peerBits = windowOf(params?.[`${peer}_max_window_bits`]);
    this.minLength = takeover ? MIN_LENGTH : MIN_LENGTH_NO_TAKEOVER;
    this.inflater = new MessageCodec({
      inflates: true,
      contextTakeover: params?.[`${peer}_no_context_takeover`] !== true,
      maxMessage,
      create: () => new ZlibStream(zlib().createInflateRaw({ windowBits: peerBits, chunkSize: CHUNK_SIZE }), MODES),
    });
    this.deflater = new MessageCodec({
      inflates: false,
      contextTakeover: takeover,
      maxMessage,
      create: () =>
        new ZlibStream(zlib().createDeflateRaw({ ...COMPRESSION, windowBits }), takeover ? MODES : MODES_NO_TAKEOVER),
    });
  }

  /** Whether a message of that length should be compressed. */
  compresses(length: number): boolean {
    return length >= this.minLength;
  }

  /** Compresses a message. `data` must not change until `then` is called, possibly before this call returns. */
  compress(data: Buffer, then: (coded: Coded) => void): void {
    this.deflater.run(data, then);
  }

  /** Decompresses a message, as `compress`; at most `maxMessage` bytes are ever produced. */
  decompress(data: Buffer, then: (coded: Coded) => void): void {
    this.inflater.run(data, then);
  }

  /** Releases zlib's memory. May be called more than once; nothing is (de)compressed afterwards. */
  dispose(): void {
    this.inflater.close();
    this.deflater.close();
  }
}

function windowOf(bits: unknown): number {
  return typeof bits === 'number' ? bits : 15;
}

function options({ windowBits, contextTakeover }: DeflateSettings, isServer: boolean) {
  return {
    isServer,
    ...(windowBits < 15 && { serverMaxWindowBits: windowBits, clientMaxWindowBits: windowBits }),
    ...(!contextTakeover && { serverNoContextTakeover: true, clientNoContextTakeover: true }),
  };
}

/** Accepts a client's offer, a value of `Sec-WebSocket-Extensions`; null if there is none that can be accepted. */
export function acceptOffer(field: string, settings: DeflateSettings): Deflate | null {
  const { extension, DeflateExtension } = loaded();
  const deflate = new DeflateExtension(options(settings, true));
  try {
    const offers = extension.parse(field)['permessage-deflate'];
    if (offers === undefined) return null;
    const params = deflate.accept(offers);
    return new Deflate(deflate, 'server', extension.format({ 'permessage-deflate': [params] }), settings.maxMessage);
  } catch {
    // RFC 7692, 7.1: an offer with invalid parameters is declined.
    return null;
  }
}

/** The offer that the proxy makes to an upstream. */
export function offerOf(settings: DeflateSettings): string {
  const { extension, DeflateExtension } = loaded();
  const deflate = new DeflateExtension(options(settings, false));
  return extension.format({ 'permessage-deflate': [deflate.offer()] });
}

/**
 * Evaluates an upstream's response to that offer; null: it does not use the extension. Throws if the response is invalid: it
 * accepts what was not offered.
 */
export function acceptResponse(field: string, settings: DeflateSettings): Deflate | null {
  const { extension, DeflateExtension } = loaded();
  if (field === '') return null;
  const { 'permessage-deflate': response, ...others } = extension.parse(field);
  const [other] = Object.keys(others);
  if (other !== undefined) throw new Error(`extension "${other}" was not offered`);
  if (response === undefined) return null;
  if (response.length > 1) throw new Error('more than one "permessage-deflate"');
  const deflate = new DeflateExtension(options(settings, false));
  deflate.accept(response);
  return new Deflate(deflate, 'client', field, settings.maxMessage);
}

/** permessage-deflate (RFC 7692) on one side of a tunnel, with the classes of `ws`. */
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

/** Result of (de)compression: the data, or the status code of a Close frame with its reason. */
export type Coded = Buffer | { readonly code: number; readonly reason: string };

/** The negotiated extension of one side. */
export class Deflate {
  /** Number of messages that are being (de)compressed. */
  private pending = 0;
  private disposed = false;

  constructor(
    private readonly extension: PerMessageDeflate,
    /** Role of the proxy on this side. */
    private readonly role: 'server' | 'client',
    /** Value of `Sec-WebSocket-Extensions`. */
    readonly field: string,
  ) {}

  /** Whether a message of that length should be compressed. */
  compresses(length: number): boolean {
    const noTakeover = this.extension.params?.[`${this.role}_no_context_takeover`] === true;
    return length >= (noTakeover ? MIN_LENGTH_NO_TAKEOVER : MIN_LENGTH);
  }

  /** Compresses a message. `data` must not change until `then` is called. */
  compress(data: Buffer, then: (coded: Coded) => void): void {
    this.pending++;
    this.extension.compress(data, true, (error, result) => {
      this.completed();
      then(error === null || error === undefined ? result : { code: 1011, reason: 'compression failed' });
    });
  }

  /** Decompresses a message; at most `maxMessage` bytes are ever produced. */
  decompress(data: Buffer, then: (coded: Coded) => void): void {
    this.pending++;
    this.extension.decompress(data, true, (error, result) => {
      this.completed();
      if (error === null || error === undefined) then(result);
      else if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') then({ code: 1009, reason: 'message too big' });
      else then({ code: 1007, reason: 'invalid compressed data' });
    });
  }

  private completed(): void {
    this.pending--;
    this.release();
  }

  /** Releases zlib's memory. May be called more than once; nothing is (de)compressed afterwards. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.release();
  }

  /** `cleanup` of `ws` throws asynchronously if a message is being decompressed, and leaves what it has queued. */
  private release(): void {
    if (this.disposed && this.pending === 0) this.extension.cleanup();
  }
}

function options({ windowBits, contextTakeover, maxMessage }: DeflateSettings, isServer: boolean) {
  return {
    isServer,
    maxPayload: maxMessage,
    ...(windowBits < 15 && { serverMaxWindowBits: windowBits, clientMaxWindowBits: windowBits }),
    ...(!contextTakeover && { serverNoContextTakeover: true, clientNoContextTakeover: true }),
    // Level and memory of Node's defaults would cost 256 KiB more for each direction.
    zlibDeflateOptions: { level: 3, memLevel: 6 },
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
    return new Deflate(deflate, 'server', extension.format({ 'permessage-deflate': [params] }));
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
  return new Deflate(deflate, 'client', field);
}

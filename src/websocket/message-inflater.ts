/**
 * Decompresses the messages of one sender of a WebSocket (RFC 7692) for an observer, which may be added in the middle of the
 * stream: a message that refers to earlier ones that were not observed cannot be decompressed.
 */
import { constants, inflateRawSync } from 'node:zlib';

/** Maximum length of a message, compressed and decompressed, bytes. */
const MAX_LENGTH = 1 << 20;
/** Bytes of earlier messages to which a message may refer. */
const WINDOW = 32 << 10;
/** End of a message, which the sender has removed (RFC 7692, 7.2.2). */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);
const NOTHING = Buffer.alloc(0);

/** `too long`: the message exceeds a limit; `not decompressed`: it refers to data that was not observed, or is invalid. */
export type InflateFailure = 'too long' | 'not decompressed';

export class MessageInflater {
  /** The last decompressed bytes, without a gap. */
  private window: Buffer = NOTHING;
  private parts: Buffer[] = [];
  private length = 0;

  /** Bytes of the current message that may still be added. */
  get room(): number {
    return MAX_LENGTH - this.length;
  }

  /** Adds the whole payload of a frame, unmasked; null: it is too long. */
  add(payload: Buffer | null): void {
    if (payload === null) this.length = MAX_LENGTH + 1;
    else {
      this.parts.push(payload);
      this.length += payload.length;
    }
  }

  /** Ends the message. */
  end(): Buffer | InflateFailure {
    const { parts, length } = this;
    this.parts = [];
    this.length = 0;
    if (length > MAX_LENGTH) return this.lost('too long');
    try {
      const message = inflateRawSync(Buffer.concat([...parts, TAIL]), {
        finishFlush: constants.Z_SYNC_FLUSH,
        maxOutputLength: MAX_LENGTH,
        ...(this.window.length > 0 && { dictionary: this.window }),
      });
      this.window = Buffer.concat([this.window, message]).subarray(-WINDOW);
      return message;
    } catch (error) {
      return this.lost(
        (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? 'too long' : 'not decompressed',
      );
    }
  }

  private lost(failure: InflateFailure): InflateFailure {
    this.window = NOTHING;
    return failure;
  }
}

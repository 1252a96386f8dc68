/** The body of a request, as scripts read it. */
import type { HttpExchange } from '../exchange/exchange.js';
import { logError } from '../program/error-context.js';
import { recordPending } from './pending-work.js';

export class BodyReader {
  private cached: Buffer | null = null;
  private reading = false;

  constructor(private readonly x: HttpExchange) {}

  /** The body, if it was read and is not empty. */
  get buffer(): Buffer | undefined {
    const { body } = this.x;
    if (body === null || (body.length === 0 && this.cached === null)) return undefined;
    this.cached ??= this.content();
    return this.cached;
  }

  /** Reads the body and converts it. Throws while another call reads it. */
  read<T>(convert: (body: Buffer) => T): Promise<T> {
    if (this.reading) throw new TypeError('request body is already being read');
    const { x } = this;
    if (x.body !== null) return new Promise((resolve) => resolve(convert(this.available())));
    this.reading = true;
    const done = recordPending(x).begin();
    return new Promise((resolve, reject) => {
      // Not called for an incomplete body: the exchange ends then.
      x.readBody(() => {
        this.reading = false;
        try {
          resolve(convert(this.available()));
        } catch (error) {
          reject(error as Error);
        }
        done();
      });
    });
  }

  private available(): Buffer {
    this.cached ??= this.content();
    return this.cached;
  }

  private content(): Buffer {
    const { body } = this.x;
    if (body === null) return Buffer.alloc(0);
    if (body.memory !== null) return exactBuffer(body.memory);
    logError(this.x, 'warn', 'http js reading request body from a temporary file');
    const content = exactBuffer(body.length);
    let length = 0;
    while (length < content.length) {
      const read = body.read(content.subarray(length), length);
      if (read === 0) break;
      length += read;
    }
    return content.subarray(0, length);
  }
}

/** A buffer that has an ArrayBuffer of its own: scripts create views of `buffer.buffer`. */
export function exactBuffer(content: Buffer | number): Buffer {
  if (typeof content === 'number') return Buffer.from(new ArrayBuffer(content));
  return Buffer.from(new Uint8Array(content).buffer);
}

/** Body of njs's `Request` and `Response`, which can be read once. */

export abstract class MessageBody {
  #bytes: Buffer;
  #used = false;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get bodyUsed(): boolean {
    return this.#used;
  }
  set bodyUsed(_value: boolean) {
    readOnly('bodyUsed');
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = this.#read();
    // A copy of its own: small buffers are parts of a larger one.
    return new Uint8Array(bytes).buffer;
  }

  async json(): Promise<unknown> {
    return JSON.parse(this.#read().toString());
  }

  async text(): Promise<string> {
    return this.#read().toString();
  }

  #read(): Buffer {
    if (this.#used) throw new TypeError('body stream already read');
    this.#used = true;
    const bytes = this.#bytes;
    this.#bytes = EMPTY;
    return bytes;
  }

  /** Bytes of a body that was not read yet; reading it remains possible. */
  static bytesOf(message: MessageBody): Buffer {
    if (message.#used) throw new TypeError('body stream already read');
    return message.#bytes;
  }
}

const EMPTY = Buffer.alloc(0);

/** Throws njs's error for an assignment to a property without a setter. */
export function readOnly(property: string): never {
  throw new TypeError(`Cannot assign to read-only property "${property}" of object`);
}

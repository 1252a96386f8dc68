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

  static {
    refuseAssignments(MessageBody.prototype);
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

/** Assignments to the properties that have a getter only throw njs's error. */
export function refuseAssignments(prototype: object): void {
  for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (property.get === undefined || property.set !== undefined) continue;
    const set = (): never => {
      throw new TypeError(`Cannot assign to read-only property "${name}" of object`);
    };
    Object.defineProperty(prototype, name, { ...property, set });
  }
}

/** A WebSocket client that sends any bytes after the handshake. */
import { type Connection, connect, request } from '../kit/index.js';
import { decode, encode, type TestFrame } from './stage-harness.js';

const FIELDS = [
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

export class RawWebSocket {
  private constructor(
    readonly connection: Connection,
    /** Head of the 101 response. */
    readonly head: string,
  ) {}

  static async open(port: number, path = '/', fields: readonly string[] = []): Promise<RawWebSocket> {
    const connection = await connect(port);
    connection.send(request(path, { fields: [...FIELDS, ...fields] }));
    const head = await connection.until('\r\n\r\n');
    if (!head.startsWith('HTTP/1.1 101')) throw new Error(head);
    return new RawWebSocket(connection, head);
  }

  /** Sends frames, masked, or bytes. */
  send(...frames: readonly (TestFrame | Buffer)[]): this {
    const bytes = frames.map((frame) => (frame instanceof Buffer ? frame : encode(frame as TestFrame, true)));
    this.connection.send(Buffer.concat(bytes));
    return this;
  }

  /** The next frame of the server with a short payload. */
  async next(): Promise<Required<TestFrame>> {
    const head = Buffer.from(await this.connection.bytes(2), 'latin1');
    const payload = await this.connection.bytes((head[1] as number) & 0x7f);
    return decode(Buffer.concat([head, Buffer.from(payload, 'latin1')])).frames[0] as Required<TestFrame>;
  }

  /** Reads frames up to the Close frame, and answers it. */
  async closing(): Promise<{ code: number; reason: string; before: Required<TestFrame>[] }> {
    const before: Required<TestFrame>[] = [];
    for (;;) {
      const frame = await this.next();
      if (frame.opcode !== 8) {
        before.push(frame);
        continue;
      }
      const payload = frame.payload as Buffer;
      this.send({ opcode: 8, payload });
      return { code: payload.readUInt16BE(), reason: payload.toString('utf8', 2), before };
    }
  }
}

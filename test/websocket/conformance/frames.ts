/** Frames of test cases: whatever a peer could send, valid or not. */
import { constants, deflateRawSync } from 'node:zlib';
import { applyMask } from '../../../src/websocket/frame-reader.js';

/** A frame as it is written. */
export interface CaseFrame {
  readonly opcode: number;
  readonly fin?: boolean;
  /** RSV1 is 4. */
  readonly rsv?: number;
  readonly payload?: string | Buffer;
  /** Default: as the sender's role requires. */
  readonly masked?: boolean;
  /** Form of the length: bytes of the extended length; default: the shortest one. */
  readonly form?: 0 | 2 | 8;
  /** Length in the header, if it is not that of the payload. */
  readonly length?: bigint;
}

const MASK = 0x37fa213d;

export function encodeFrame(frame: CaseFrame, fromClient: boolean): Buffer {
  const { opcode, fin = true, rsv = 0, masked = fromClient } = frame;
  const payload = Buffer.from((frame.payload ?? '') as string);
  const length = frame.length ?? BigInt(payload.length);
  const form = frame.form ?? (length < 126n ? 0 : length < 65536n ? 2 : 8);
  const head = Buffer.alloc(2 + form);
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  head[1] = (masked ? 0x80 : 0) | (form === 0 ? Number(length) : form === 2 ? 126 : 127);
  if (form === 2) head.writeUInt16BE(Number(length), 2);
  if (form === 8) head.writeBigUInt64BE(length, 2);
  if (!masked) return Buffer.concat([head, payload]);
  const mask = Buffer.alloc(4);
  mask.writeInt32BE(MASK);
  applyMask(payload, 0, payload.length, MASK, 0);
  return Buffer.concat([head, mask, payload]);
}

export function text(payload: string | Buffer): CaseFrame {
  return { opcode: 1, payload };
}

export function binary(payload: string | Buffer): CaseFrame {
  return { opcode: 2, payload };
}

export function ping(payload: string | Buffer = ''): CaseFrame {
  return { opcode: 9, payload };
}

/** A Close frame with a code and a reason. */
export function close(code: number, reason: string | Buffer = ''): CaseFrame {
  return { opcode: 8, payload: Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason as string)]) };
}

/** The frames of a message whose payload is cut at these offsets. */
export function fragments(opcode: number, payload: string | Buffer, cuts: readonly number[], rsv = 0): CaseFrame[] {
  const bytes = Buffer.from(payload as string);
  const ends = [...cuts, bytes.length];
  return ends.map((end, i) => ({
    opcode: i === 0 ? opcode : 0,
    fin: i === ends.length - 1,
    rsv: i === 0 ? rsv : 0,
    payload: bytes.subarray(i === 0 ? 0 : ends[i - 1], end),
  }));
}

/** A compressed payload (RFC 7692, 7.2.1). `context`: the messages before it; default: it does not refer to others. */
export function deflated(payload: string | Buffer, windowBits = 15, context = Buffer.alloc(0)): Buffer {
  const dictionary = context.subarray(-(2 ** windowBits));
  const data = deflateRawSync(Buffer.from(payload as string), {
    windowBits,
    finishFlush: constants.Z_SYNC_FLUSH,
    ...(dictionary.length > 0 && { dictionary }),
  });
  return data.subarray(0, data.length - 4);
}

/** WebSocket frames for the load and the back end: whole binary messages in one frame each (RFC 6455, 5.2). */

/**
 * A client's frame. The masking key is zero, which is valid and leaves the payload unchanged, so that neither side of the
 * benchmark spends time on masking.
 */
export function clientFrame(size: number): Buffer {
  return Buffer.concat([header(size, true), Buffer.alloc(4), Buffer.alloc(size, 'x')]);
}

/** A server's frame. */
export function serverFrame(size: number): Buffer {
  return Buffer.concat([header(size, false), Buffer.alloc(size, 'x')]);
}

function header(size: number, masked: boolean): Buffer {
  const mask = masked ? 0x80 : 0;
  if (size < 126) return Buffer.from([0x82, mask | size]);
  if (size < 65536) return Buffer.from([0x82, mask | 126, size >> 8, size & 255]);
  const long = Buffer.alloc(10);
  long[0] = 0x82;
  long[1] = mask | 127;
  long.writeUInt32BE(size, 6);
  return long;
}

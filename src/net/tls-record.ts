/** Recognizes TLS on a connection that should be plain. */

/** Whether bytes begin with a TLS record: an alert or a handshake message (RFC 8446 5.1). */
export function isTlsRecord(bytes: Buffer, length: number): boolean {
  return length > 2 && (bytes[0] === 0x15 || bytes[0] === 0x16) && bytes[1] === 3 && (bytes[2] as number) <= 4;
}

/** Arguments that njs takes as a string or as bytes (`NjsStringOrBuffer`). */

/** The bytes of a value; strings are UTF-8, other values are converted to strings. The bytes of buffers are not copied. */
export function bytesOf(value: unknown): Buffer {
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) return Buffer.from(value);
  return Buffer.from(String(value));
}

/** The text of a value; bytes are UTF-8. */
export function textOf(value: unknown): string {
  return isBytes(value) ? bytesOf(value).toString() : String(value);
}

/** Whether a value is an ArrayBuffer or a view of one. */
export function isBytes(value: unknown): value is ArrayBufferView | ArrayBuffer | SharedArrayBuffer {
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof SharedArrayBuffer;
}

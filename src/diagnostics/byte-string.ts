/**
 * Byte strings: one character is one byte (latin1). Configuration text, heads and paths are kept in this form; text for
 * people and for embedding programs is UTF-8.
 */

/** The byte string of a text. */
export function toBytes(text: string): string {
  return Buffer.from(text, 'utf8').latin1Slice();
}

/** The text of a byte string. */
export function toText(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** A byte string that is UTF-8: other bytes are replaced by U+FFFD. */
export function toUtf8(bytes: string): string {
  return /[\x80-\xff]/.test(bytes) ? toBytes(toText(bytes)) : bytes;
}

/** Values of scripts as byte strings, and byte strings as texts of scripts. */
import { toBytes, toText } from '../diagnostics/byte-string.js';
import { isToken } from '../http/field-line.js';

/** Nothing for null and undefined; the content of a buffer; anything else as text in UTF-8. nginx: ngx_qjs_string. */
export function bytesOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return isAscii(value) ? value : toBytes(value);
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).latin1Slice();
  if (value instanceof ArrayBuffer) return Buffer.from(value).latin1Slice();
  return toBytes(String(value));
}

/** Most byte strings are ASCII, which is the same as text. */
export function textOf(bytes: string): string {
  return isAscii(bytes) ? bytes : toText(bytes);
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false;
  return true;
}

/** A whole number. Throws as njs does. */
export function integerOf(value: unknown): number {
  const number = Number(value);
  if (!Number.isFinite(number)) throw new TypeError('invalid number');
  if (Math.abs(number) > Number.MAX_SAFE_INTEGER) throw new RangeError('number is out of range');
  return Math.trunc(number);
}

/** A valid status of a response. njs checks only that of `r.return()`, but a status line holds three digits only. */
export function statusOf(value: unknown): number {
  const status = integerOf(value);
  if (status < 0 || status > 999) throw new RangeError('code is out of range');
  return status;
}

/** A value of a field as bytes. */
export function fieldValueOf(value: unknown): string {
  const bytes = bytesOf(value);
  if (/[\0\r\n]/.test(bytes)) throw new TypeError('invalid header value');
  return bytes;
}

/** Throws njs's error for a text that is no name of a field (RFC 9110 5.1). */
export function checkFieldName(name: string): void {
  if (!isToken(name)) throw new TypeError('invalid header name');
}

/** Strings of bytes in JSON: UTF-8 is decoded, and each other byte is a lone surrogate, as Python's `surrogateescape` has it. */
import { toBytes, toText } from '../../diagnostics/byte-string.js';

const ASCII = /^[\0-\x7F]*$/;
/** The UTF-8 sequences of RFC 3629. */
const SEQUENCE =
  /[\xC2-\xDF][\x80-\xBF]|\xE0[\xA0-\xBF][\x80-\xBF]|[\xE1-\xEC\xEE\xEF][\x80-\xBF]{2}|\xED[\x80-\x9F][\x80-\xBF]|\xF0[\x90-\xBF][\x80-\xBF]{2}|[\xF1-\xF3][\x80-\xBF]{3}|\xF4[\x80-\x8F][\x80-\xBF]{2}|([\x80-\xFF])/g;

export function bytesToJson(bytes: string): string {
  if (ASCII.test(bytes)) return bytes;
  return bytes.replace(SEQUENCE, (sequence, single: string | undefined) =>
    single === undefined ? toText(sequence) : String.fromCharCode(0xdc00 + single.charCodeAt(0)),
  );
}

/** Surrogate pairs stay together. */
const ESCAPED = /[\uD800-\uDBFF][\uDC00-\uDFFF]|[\uDC80-\uDCFF]|[^\0-\x7F]/g;

export function jsonToBytes(text: string): string {
  if (ASCII.test(text)) return text;
  return text.replace(ESCAPED, (part) => {
    const code = part.charCodeAt(0);
    return part.length === 1 && code >= 0xdc80 && code <= 0xdcff ? String.fromCharCode(code - 0xdc00) : toBytes(part);
  });
}

/** A payload as text. */
export function printPayload(payload: object): string {
  return `${JSON.stringify(payload, (_, value: unknown) => (typeof value === 'string' ? bytesToJson(value) : value), 2)}\n`;
}

/** The data of a text in JSON; strings become bytes. Throws SyntaxError. */
export function parseJson(text: string): unknown {
  return JSON.parse(text, (_, value: unknown) => (typeof value === 'string' ? jsonToBytes(value) : value));
}

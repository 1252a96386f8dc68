/** Escaping of values in log lines. Byte strings. */

const UNPRINTABLE = /["\\\x00-\x1f\x7f-\xff]/;
const ALL_UNPRINTABLE = new RegExp(UNPRINTABLE, 'g');

/** Escapes quotes, backslashes and everything but printable ASCII as `\xHH`. */
export function escapeLog(value: string): string {
  if (!UNPRINTABLE.test(value)) return value;
  return value.replace(ALL_UNPRINTABLE, hexEscape);
}

function hexEscape(char: string): string {
  const code = char.charCodeAt(0);
  return `\\x${code < 16 ? '0' : ''}${code.toString(16).toUpperCase()}`;
}

const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;
const ALL_CONTROL = new RegExp(CONTROL, 'g');

/** Escapes control characters other than tabs as `\xHH`: error log lines contain client data and must stay one line. */
export function escapeControl(line: string): string {
  return CONTROL.test(line) ? line.replace(ALL_CONTROL, hexEscape) : line;
}

const NOT_JSON = /["\\\x00-\x1f]/;
const ALL_NOT_JSON = new RegExp(NOT_JSON, 'g');
const JSON_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\b': '\\b',
  '\f': '\\f',
};

/** Escapes the content of a JSON string. Bytes above 127 are kept: a log in UTF-8 is valid JSON. */
export function escapeJson(value: string): string {
  if (!NOT_JSON.test(value)) return value;
  return value.replace(ALL_NOT_JSON, (char) => {
    return JSON_ESCAPES[char] ?? `\\u${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
  });
}

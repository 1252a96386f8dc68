/**
 * Position of the first error in a text that is not JSON (RFC 8259). `JSON.parse` names it only sometimes, and quotes the
 * text, which may be a secret.
 */

const TOKEN =
  /[ \t\r\n]*(?:([[\]{}:,])|("(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-f]{4}))*")|(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?|true|false|null)(?![\w.]))/iuy;
const SPACE = /[ \t\r\n]*/y;

/** Expected token. */
type Expected = 'value' | 'first value' | 'key' | 'first key' | 'colon' | 'separator' | 'end';

/** Offset of the first token that is not allowed; the length of the text if it ends too early. */
export function jsonErrorOffset(text: string): number {
  const open: ('[' | '{')[] = [];
  let expected: Expected = 'value';
  let at = 0;
  for (;;) {
    SPACE.lastIndex = at;
    SPACE.exec(text);
    const start = SPACE.lastIndex;
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (match === null) return start;
    at = TOKEN.lastIndex;
    const [, mark, string] = match;
    const inner = open.at(-1);
    const after: Expected = open.length > 0 ? 'separator' : 'end';
    const isValue = expected === 'value' || expected === 'first value';
    const closes =
      (mark === ']' && inner === '[' && (expected === 'separator' || expected === 'first value')) ||
      (mark === '}' && inner === '{' && (expected === 'separator' || expected === 'first key'));
    if (closes) {
      open.pop();
      expected = open.length > 0 ? 'separator' : 'end';
    } else if (isValue && (mark === '[' || mark === '{')) {
      open.push(mark);
      expected = mark === '[' ? 'first value' : 'first key';
    } else if (isValue && mark === undefined) expected = after;
    else if ((expected === 'key' || expected === 'first key') && string !== undefined) expected = 'colon';
    else if (expected === 'colon' && mark === ':') expected = 'value';
    else if (expected === 'separator' && mark === ',') expected = inner === '[' ? 'value' : 'key';
    else return start;
  }
}

/** Variables in a text. */

/** Names in lower case, without `$`; `1` to `9` for captures. In the order written. */
export function variablesIn(text: string): string[] {
  const names: string[] = [];
  for (let at = text.indexOf('$'); at !== -1; at = text.indexOf('$', at + 1)) {
    const braced = text.charCodeAt(at + 1) === BRACE;
    const start = at + (braced ? 2 : 1);
    let end = start;
    while (isWordByte(text.charCodeAt(end))) end++;
    if (end === start || (braced && text.charCodeAt(end) !== CLOSING_BRACE)) continue;
    const first = text.charCodeAt(start);
    const capture = !braced && first >= 0x31 && first <= 0x39;
    names.push(capture ? text.charAt(start) : text.slice(start, end).toLowerCase());
  }
  return names;
}

const BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

/** Letters, digits and `_`; `NaN` (past the end of a text) is none of them. */
function isWordByte(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) || code === 0x5f || (code >= 0x41 && code <= 0x5a) || (code >= 0x30 && code <= 0x39)
  );
}

/** Splits a text into constants and variables. */
export function piecesOf(text: string): readonly (string | { readonly variable: string })[] {
  return text
    .split(/(\$(?:\{\w+\}|[1-9]|[A-Za-z_]\w*))/)
    .filter((piece) => piece !== '')
    .map((piece) => (/^\$[{\w]/.test(piece) ? { variable: piece.replace(/[${}]/g, '').toLowerCase() } : piece));
}

/** The variables that a text names. */

/** Names in lower case, without `$`; `1` to `9` for captures. In the order written. */
export function variablesIn(text: string): string[] {
  if (!text.includes('$')) return [];
  return [...text.matchAll(/\$(?:\{(\w+)\}|([1-9])|(\w+))/g)].map(([, braced = '', capture = '', plain = '']) =>
    (braced || capture || plain).toLowerCase(),
  );
}

/** A text in pieces: constants and variables. */
export function piecesOf(text: string): readonly (string | { readonly variable: string })[] {
  return text
    .split(/(\$(?:\{\w+\}|[1-9]|[A-Za-z_]\w*))/)
    .filter((piece) => piece !== '')
    .map((piece) => (/^\$[{\w]/.test(piece) ? { variable: piece.replace(/[${}]/g, '').toLowerCase() } : piece));
}

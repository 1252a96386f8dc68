/** Path of a request target: percent-decoded, without dot segments, with slashes merged (nginx's `$uri`). */

/** Components of a target. */
export interface TargetPath {
  readonly path: string;
  /** Without `?`; empty if absent. */
  readonly args: string;
}

function hex(c: number): number {
  if (c >= 48 && c <= 57) return c - 48;
  const l = c | 32;
  return l >= 97 && l <= 102 ? l - 87 : -1;
}

/**
 * Normalises an origin-form target (RFC 9112 3.2.1). Returns null if it leaves the root or contains an invalid escape
 * or `%00` (nginx: 400). `mergeSlashes` is the directive `merge_slashes`.
 */
export function normalizeTarget(target: string, mergeSlashes: boolean): TargetPath | null {
  const hash = target.indexOf('#');
  const whole = hash < 0 ? target : target.slice(0, hash);
  const query = whole.indexOf('?');
  const raw = query < 0 ? whole : whole.slice(0, query);
  const args = query < 0 ? '' : whole.slice(query + 1);
  // A segment ends at a slash; escaped slashes and dots count like plain ones.
  let out = '';
  let segment = '';
  for (let i = 0; i <= raw.length; i++) {
    let c = i < raw.length ? raw.charCodeAt(i) : -1;
    if (c === 37) {
      const high = hex(raw.charCodeAt(i + 1));
      const low = hex(raw.charCodeAt(i + 2));
      if (high < 0 || low < 0) return null;
      c = (high << 4) | low;
      if (c === 0) return null;
      i += 2;
      if (c !== 47) {
        segment += String.fromCharCode(c);
        continue;
      }
    }
    if (c !== 47 && c !== -1) {
      segment += String.fromCharCode(c);
      continue;
    }
    // End of a segment; `out` ends with the slash before it (or is empty at the start).
    if (segment === '..') {
      if (out.length <= 1) return null;
      out = out.slice(0, out.lastIndexOf('/', out.length - 2) + 1);
    } else if (segment === '') {
      if (c === 47 && (out === '' || !mergeSlashes || !out.endsWith('/'))) out += '/';
    } else if (segment !== '.') {
      out += c === 47 ? `${segment}/` : segment;
    }
    segment = '';
  }
  return { path: out === '' ? '/' : out, args };
}

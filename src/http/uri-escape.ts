/** Percent-encoding as in nginx's URI rewriting; byte strings. */

/** Characters to escape in a query parameter: nginx's NGX_ESCAPE_ARGS. */
const NOT_IN_ARGS = /[\x00-\x20"#%&+;<>?\\^`{|}\x7f-\xff]/g;

/** Escapes a query parameter: `&`, `+`, `;`, `#`, `%` and all characters not allowed in URIs. */
export function escapeArgs(text: string): string {
  return text.replace(NOT_IN_ARGS, percent);
}

/** Decodes a query parameter: `+` and percent-encoding. */
export function unescapeArgs(text: string): string {
  return text
    .replaceAll('+', ' ')
    .replace(/%([\da-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

/**
 * Characters to escape in a path (NGX_ESCAPE_URI), and all but the unreserved characters (NGX_ESCAPE_URI_COMPONENT).
 */
const NOT_IN_PATH = /[\x00-\x20"#%<>?\\^`{|}\x7f-\xff]/g;
const HAS_NOT_IN_PATH = new RegExp(NOT_IN_PATH.source);
const NOT_IN_COMPONENT = /[^A-Za-z0-9\-._~]/g;

/** Escapes a path, except its slashes. */
export function escapePath(path: string): string {
  return HAS_NOT_IN_PATH.test(path) ? path.replace(NOT_IN_PATH, percent) : path;
}

/** Escapes a path segment, such as a file name. */
export function escapeComponent(text: string): string {
  return text.replace(NOT_IN_COMPONENT, percent);
}

/** Characters to escape in a URI in an HTML page (NGX_ESCAPE_HTML). */
const NOT_IN_HTML = /[\x00-\x20"#%'<>\\^`{|}\x7f-\xff]/g;

/** Escapes a URI for an HTML page. */
export function escapeInHtml(uri: string): string {
  return uri.replace(NOT_IN_HTML, percent);
}

const BREAK = /[\x00-\x20\x7f]/;
const BREAKS = /[\x00-\x20\x7f]/g;

/**
 * Escapes characters that would end a request target (RFC 9112 3.2): spaces and control characters, for example from a
 * decoded `$uri` in the configuration. Existing escapes are kept.
 */
export function escapeBreaks(target: string): string {
  return BREAK.test(target) ? target.replace(BREAKS, percent) : target;
}

function percent(char: string): string {
  const code = char.charCodeAt(0);
  return `%${code < 16 ? '0' : ''}${code.toString(16).toUpperCase()}`;
}

/**
 * Decodes the target of a redirect up to its query: printable characters above `%` are decoded, all others (space,
 * controls, `%`, bytes above 127) stay escaped, so that no line break can be injected into a head. An escaped `?` ends
 * the path like a plain one. An invalid escape is removed, as in nginx (NGX_UNESCAPE_REDIRECT).
 */
export function unescapeRedirect(text: string): string {
  let out = '';
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (char === '?') return out + text.slice(i);
    if (char !== '%') {
      out += char;
      continue;
    }
    const high = hexDigit(text.charCodeAt(i + 1));
    if (high < 0) {
      out += text.charAt(++i);
      continue;
    }
    const low = hexDigit(text.charCodeAt(i + 2));
    if (low < 0) {
      i += 2;
      continue;
    }
    const code = high * 16 + low;
    if (code === 0x3f) return `${out}?${text.slice(i + 3)}`;
    out += code > 0x25 && code < 0x7f ? String.fromCharCode(code) : text.slice(i, i + 3);
    i += 2;
  }
  return out;
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

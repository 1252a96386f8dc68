/** Percent-encoding as nginx does it where it rewrites URIs; strings are bytes. */

/** What may not stand in a part of a query: nginx's NGX_ESCAPE_ARGS. */
const NOT_IN_ARGS = /[\x00-\x20"#%&+;<>?\\^`{|}\x7f-\xff]/g;

/** Escapes what would end or change one parameter of a query: `&`, `+`, `;`, `#`, `%` and all that no URI may hold. */
export function escapeArgs(text: string): string {
  return text.replace(NOT_IN_ARGS, percent);
}

/** What may not stand in a path (NGX_ESCAPE_URI), and all but the unreserved characters (NGX_ESCAPE_URI_COMPONENT). */
const NOT_IN_PATH = /[\x00-\x20"#%<>?\\^`{|}\x7f-\xff]/g;
const NOT_IN_COMPONENT = /[^A-Za-z0-9\-._~]/g;

/** Escapes a path; its slashes stay. */
export function escapePath(path: string): string {
  return path.replace(NOT_IN_PATH, percent);
}

/** Escapes one segment of a path, such as the name of a file. */
export function escapeComponent(text: string): string {
  return text.replace(NOT_IN_COMPONENT, percent);
}

/** What may not stand in a URI that is written into a page (NGX_ESCAPE_HTML). */
const NOT_IN_HTML = /[\x00-\x20"#%'<>\\^`{|}\x7f-\xff]/g;

/** Escapes a URI for a page. */
export function escapeInHtml(uri: string): string {
  return uri.replace(NOT_IN_HTML, percent);
}

const BREAK = /[\x00-\x20\x7f]/;
const BREAKS = /[\x00-\x20\x7f]/g;

/**
 * Escapes what would end a request target (RFC 9112 3.2): spaces and control characters, which a decoded `$uri` in a
 * configuration may bring. What is escaped already stays as it is.
 */
export function escapeBreaks(target: string): string {
  return BREAK.test(target) ? target.replace(BREAKS, percent) : target;
}

function percent(char: string): string {
  const code = char.charCodeAt(0);
  return `%${code < 16 ? '0' : ''}${code.toString(16).toUpperCase()}`;
}

/**
 * Resolves escapes in the target of a redirect, up to its query: printable characters above `%` become themselves, all
 * others (space, controls, `%`, bytes above 127) stay escaped, so that nobody smuggles a line break into a head. An
 * escaped `?` ends the path like a plain one. A broken escape loses what was taken for one, as in nginx
 * (NGX_UNESCAPE_REDIRECT).
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

/** URIs from content (an included page, an upstream's field) rather than from a client. Byte strings. */

export interface InternalUri {
  /** Unescaped. */
  readonly path: string;
  readonly args: string;
}

/**
 * Parses such a URI; null if it is unsafe: empty, with a NUL, or with `..` in its path, escaped or not. nginx:
 * ngx_http_parse_unsafe_uri.
 */
export function parseUnsafeUri(uri: string): InternalUri | null {
  const query = uri.indexOf('?');
  const written = query < 0 ? uri : uri.slice(0, query);
  const args = query < 0 ? '' : uri.slice(query + 1);
  if (written === '' || isUnsafe(written)) return null;
  if (!written.includes('%')) return { path: written, args };
  // As in nginx, invalid escapes are dropped.
  const path = written.replace(/%(?:([0-9a-fA-F]{2})|[0-9a-fA-F].?|(.))?/gs, (_, hex?: string, other?: string) =>
    hex !== undefined ? String.fromCharCode(Number.parseInt(hex, 16)) : (other ?? ''),
  );
  return isUnsafe(path) ? null : { path, args };
}

function isUnsafe(path: string): boolean {
  return path.includes('\0') || /(?:^|\/)\.\.(?:\/|$)/.test(path);
}

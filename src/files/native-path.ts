/** Paths as `node:fs` takes them. */

/**
 * Converts a path for `node:fs`: bytes beyond ASCII are passed as a Buffer, because strings would be encoded as UTF-8.
 */
export function nativePath(path: string): string | Buffer {
  for (let i = 0; i < path.length; i++) if (path.charCodeAt(i) > 127) return Buffer.from(path, 'latin1');
  return path;
}

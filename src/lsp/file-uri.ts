/** Paths of URIs. Paths are bytes. */
import { fileURLToPath, pathToFileURL } from 'node:url';
import { toBytes, toText } from '../diagnostics/byte-string.js';

/** Path of a URI; for one that names no file (`untitled:1`), the URI itself. */
export function pathOf(uri: string): string {
  if (!uri.startsWith('file:')) return toBytes(uri);
  try {
    return toBytes(fileURLToPath(uri));
  } catch {
    return toBytes(uri);
  }
}

/** URI of a path as returned by `pathOf`. */
export function uriOf(path: string): string {
  const text = toText(path);
  return text.startsWith('/') ? pathToFileURL(text).href : text;
}

/** Directory of a path, with its slash; empty for a text that is no file. */
export function directoryOf(path: string): string {
  return path.startsWith('/') ? path.slice(0, path.lastIndexOf('/') + 1) : '';
}

/** Paths of URIs. Paths are bytes. */
import { fileURLToPath, pathToFileURL } from 'node:url';
import { toBytes, toText } from '../diagnostics/byte-string.js';
import { directoryOf } from '../files/directories.js';

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

/** Directory of a document, with its slash; empty for one that is not a file. */
export function directoryOfDocument(path: string): string {
  return path.startsWith('/') ? directoryOf(path) : '';
}

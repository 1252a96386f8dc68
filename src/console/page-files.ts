/** The compiled files of the page. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

export interface PageFile {
  readonly type: string;
  readonly bytes: Buffer;
  /** Entity tag. */
  readonly etag: string;
}

/** Names below the location, with the file and its type. */
const FILES = [
  ['', 'index.html', 'text/html; charset=utf-8'],
  ['page.js', 'page.js', 'text/javascript; charset=utf-8'],
  ['page.css', 'page.css', 'text/css; charset=utf-8'],
  ['icon.svg', 'icon.svg', 'image/svg+xml'],
] as const;

// The bundle of the worker is as deep as this file.
const DIRECTORY = new URL('../console/page/', import.meta.url);

/** Reads the files, by their names below the location. */
export async function readPage(): Promise<ReadonlyMap<string, PageFile>> {
  const files = await Promise.all(
    FILES.map(async ([name, file, type]) => {
      const bytes = await readFile(new URL(file, DIRECTORY));
      const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
      return [name, { type, bytes, etag }] as const;
    }),
  );
  return new Map(files);
}

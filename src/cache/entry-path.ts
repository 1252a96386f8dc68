/** Paths of cached files. nginx: ngx_create_hashed_filename. */
import { createHash } from 'node:crypto';

/** Size of a block of the file system, as the sizes of files are counted. */
const BLOCK = 4096;

/** A directory of cached files: `proxy_cache_path`. */
export interface CacheDirectory {
  /** Without a trailing slash. */
  readonly path: string;
  /** Number of digits in the names of subdirectories, the outermost first; empty for none. */
  readonly levels: readonly number[];
}

/** MD5 of a key (byte string), in hexadecimal: the name of its file. */
export function hashOf(key: string): string {
  return createHash('md5').update(key, 'latin1').digest('hex');
}

/** Name of the file of a variant, which the main one refers to with `Vary`. */
export function variantHash(hash: string, variant: string): string {
  return createHash('md5').update(hash).update(variant).digest('hex');
}

/** Path of the file for a hash: its last digits name the subdirectories. */
export function entryPath({ path, levels }: CacheDirectory, hash: string): string {
  let directory = path;
  let end = hash.length;
  for (const length of levels) {
    directory += `/${hash.slice(end - length, end)}`;
    end -= length;
  }
  return `${directory}/${hash}`;
}

/** Bytes that a file of this length uses, in whole blocks. */
export function sizeOnDisk(length: number): number {
  return Math.ceil(length / BLOCK) * BLOCK;
}

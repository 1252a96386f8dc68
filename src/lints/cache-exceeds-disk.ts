import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Word } from '../../grammar/syntax-tree.js';
import { parseOffset } from '../config/units.js';
import { defineLint } from './engine/lint.js';

export default defineLint({
  code: 'cache-exceeds-disk',
  severity: 'warning',
  on: 'proxy_cache_path',
  story:
    'The file system of a cache is smaller than the cache: with a `min_free` above its size, every entry is removed at once; with a `max_size` above it and no `min_free`, the disk becomes full before anything is evicted. Set `max_size` below the free space, or `min_free` to what has to stay free.',
  async probe(c) {
    for (const { statement } of c.written('proxy_cache_path')) {
      const [path, ...parameters] = statement.args;
      if (path === undefined || path.text.includes('{')) continue;
      const total = await sizeOf(c.path(path.text));
      if (total === null) continue;
      const minFree = parameters.find(({ text }) => text.startsWith('min_free='));
      const maxSize = parameters.find(({ text }) => text.startsWith('max_size='));
      const related = [{ at: path, message: `a file system of ${Math.floor(total / 2 ** 20)}m` }];
      if (minFree !== undefined && sizeIn(minFree) >= total) {
        c.report(minFree, 'the cache is always empty, because the file system is smaller than "min_free"', {
          help: 'set min_free to what has to stay free',
          related,
        });
      } else if (maxSize !== undefined && minFree === undefined && sizeIn(maxSize) > total) {
        c.report(maxSize, 'the file system becomes full before anything is evicted', {
          severity: 'hint',
          help: 'set max_size below the size of the file system, or add min_free',
          related,
        });
      }
    }
  },
});

function sizeIn({ text }: Word): number {
  return parseOffset(text.slice(text.indexOf('=') + 1)) ?? 0;
}

/** Size in bytes of the file system of a directory, or of the nearest one that exists above it. */
async function sizeOf(path: string): Promise<number | null> {
  for (let at = path; ; at = dirname(at)) {
    try {
      const { blocks, bsize } = await statfs(at);
      return blocks * bsize;
    } catch {
      if (at === dirname(at)) return null;
    }
  }
}

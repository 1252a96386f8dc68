/** nginx's `ngx_http_random_index_module`: a random file of a directory as its index. */
import { readdirSync, statSync } from 'node:fs';
import { flag } from '../config/argument-types.js';
import { errnoText } from '../diagnostics/errno.js';
import { errorCode, fileFailed } from '../exchange/file-error.js';
import { filePath } from '../exchange/file-path.js';
import { nativePath } from '../files/native-path.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { defineModule } from '../program/module.js';
import { DONE, NEXT, type Verdict } from '../program/verdict.js';

function sendRandom(x: Exchange): Verdict {
  if (!x.uri.endsWith('/') || (x.method !== 'GET' && x.method !== 'HEAD' && x.method !== 'POST')) return NEXT;
  const found = filePath(x);
  if (found === null) return 500;
  const directory = found.path.slice(0, -1);
  const names = fileNames(x, directory);
  if (typeof names === 'number') return names;
  const name = names[Math.floor(Math.random() * names.length)];
  if (name === undefined) return NEXT;
  x.internalRedirect(x.uri + name, x.args);
  return DONE;
}

/** Names of the regular files in a directory, except hidden ones; a status if it cannot be read. */
function fileNames(x: Exchange, directory: string): string[] | number {
  const names: string[] = [];
  let path = directory;
  try {
    for (const entry of readdirSync(nativePath(directory), { withFileTypes: true, encoding: 'buffer' as 'utf8' })) {
      const name = Buffer.from(entry.name).toString('latin1');
      if (name.startsWith('.')) continue;
      path = `${directory}/${name}`;
      const linked = entry.isSymbolicLink() && isFile(path);
      if (entry.isFile() || linked) names.push(name);
    }
  } catch (error) {
    if (path === directory) return fileFailed(x, 'opendir', directory === '' ? '/' : directory, error);
    logError(x, 'crit', `stat() "${path}" failed (${errnoText(error)})`);
    return 500;
  }
  return names;
}

/** Whether a symbolic link leads to a regular file; false for one that leads nowhere. */
function isFile(path: string): boolean {
  try {
    return statSync(nativePath(path)).isFile();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

export default defineModule({
  name: 'random_index',
  doc: 'Responds to a URI that ends with a slash with a random file of the directory. It makes an internal redirect, before the index files are looked for.',
  directives: {
    random_index: {
      contexts: ['location'],
      takes: flag,
      default: 'off',
      doc: 'Whether a random file is chosen.',
      example: 'random_index on;',
    },
  },
  phases: {
    content: { order: 5, compile: (conf) => (conf.random_index ? sendRandom : null) },
  },
});

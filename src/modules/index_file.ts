/** nginx's `ngx_http_index_module`: index files of directories. */

import * as types from '../config/argument-types.js';
import { word } from '../config/argument-types.js';
import { parseTemplate } from '../config/template-parser.js';
import { errnoText } from '../diagnostics/errno.js';
import { errorCode, failedCall } from '../exchange/file-error.js';
import { filePath } from '../exchange/file-path.js';
import { LOG_NOT_FOUND } from '../exchange/file-settings.js';
import { fileStatus, statFile } from '../exchange/static-file.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { defineModule } from '../program/module.js';
import type { Template } from '../program/template.js';
import { DONE, NEXT, type Verdict } from '../program/verdict.js';

/** File name; only the last may be absolute, because it ends the search. */
const indexName = word('file', (w, c) => {
  if (w.text === '') c.fail(w, 'invalid-value', 'index "" in "index" directive is invalid');
  if (w.text.startsWith('/') && w !== c.statement.args.at(-1)) {
    c.report(w, 'invalid-value', 'only the last index in "index" directive should be absolute', {
      severity: 'warning',
    });
  }
  return parseTemplate(w, c);
});

/** Whether a file exists; throws other errors of the system. */
type FileExists = (x: Exchange, path: string) => boolean;

const fileExists: FileExists = (x, path) => fileStatus(x, path) !== null;

function findIndex(x: Exchange, names: readonly Template[], exists: FileExists): Verdict {
  if (!x.uri.endsWith('/')) return NEXT;
  if (x.method !== 'GET' && x.method !== 'HEAD' && x.method !== 'POST') return NEXT;
  let directoryChecked = false;
  for (const template of names) {
    const name = template.of(x);
    if (name.startsWith('/')) {
      x.internalRedirect(name, x.args);
      return DONE;
    }
    const directory = filePath(x);
    if (directory === null) return 500;
    const path = directory.path + name;
    let failure: unknown = null;
    try {
      if (exists(x, path)) {
        x.internalRedirect(x.uri + name, x.args);
        return DONE;
      }
    } catch (error) {
      failure = error;
    }
    switch (errorCode(failure)) {
      case 'EMLINK':
      case 'ELOOP':
        return 403;
      case 'EACCES':
        logError(x, 'error', `"${path}" is forbidden (${errnoText(failure)})`);
        return 403;
      case 'ENOTDIR':
      case 'ENAMETOOLONG':
        return notFound(x, path, errnoText(failure));
    }
    if (!directoryChecked) {
      const status = checkDirectory(x, directory.path, path);
      if (status !== NEXT) return status;
      directoryChecked = true;
    }
    if (failure !== null) {
      logError(x, 'crit', `${failedCall(failure)}() "${path}" failed (${errnoText(failure)})`);
      return 500;
    }
  }
  return NEXT;
}

/** NEXT if the directory exists, or if `stat` lacks permission (its files might still be readable). `index` is the file looked for in it. */
function checkDirectory(x: Exchange, path: string, index: string): Verdict {
  const directory = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
  try {
    if (statFile(x, directory).isDirectory()) return NEXT;
  } catch (error) {
    switch (errorCode(error)) {
      case 'EMLINK':
      case 'ELOOP':
        return 403;
      case 'ENOENT':
      case 'ENOTDIR':
        return notFound(x, index, errnoText(error));
      case 'EACCES':
        return NEXT;
      default:
        logError(x, 'crit', `${failedCall(error)}() "${directory}" failed (${errnoText(error)})`);
        return 500;
    }
  }
  // Newer versions of Node do not distinguish ENOTDIR from ENOENT with `throwIfNoEntry: false`.
  if (path.endsWith('/')) return notFound(x, index, '20: Not a directory');
  // An `alias` without a trailing slash can map the URI to a file.
  logError(x, 'alert', `"${path}" is not a directory`);
  return 500;
}

function notFound(x: Exchange, path: string, reason: string): Verdict {
  if (x.location.settings.get(LOG_NOT_FOUND)) logError(x, 'error', `"${path}" is not found (${reason})`);
  return 404;
}

export default defineModule({
  name: 'index',
  doc: 'Responds to a URI that ends with a slash with an index file of the directory. It makes an internal redirect, so another location may handle the file.',
  directives: {
    index: {
      contexts: ['http', 'server', 'location'],
      takes: types.listOf(indexName),
      again: 'joins',
      default: 'index.html',
      doc: 'Index files, checked in this order; names may contain variables. The last one may be an absolute path, which is not checked.',
      example: 'index index.$geo.html index.0.html /index.html;',
      exampleNeeds: 'map $remote_addr $geo { default a; }',
    },
  },
  phases: {
    content: {
      order: 10,
      compile(conf, { compiler }) {
        const names = conf.index.map((name) => compiler.template(name));
        const exists: FileExists = compiler.observer.watch(fileExists, (_x, found, path) => ({
          kind: 'file',
          path,
          directory: false,
          found,
        }));
        return (x) => findIndex(x, names, exists);
      },
    },
  },
});

/** nginx's `ngx_http_try_files_module`: handles a request with the first file that exists. */
import type { Word } from '../../grammar/syntax-tree.js';
import { custom } from '../config/argument-types.js';
import type { ArgumentContext } from '../config/directive.js';
import type { TemplateData } from '../config/template.js';
import { parseTemplate } from '../config/template-parser.js';
import { parseInteger } from '../config/units.js';
import { errnoText } from '../diagnostics/errno.js';
import { httpExchange } from '../exchange/exchange.js';
import { errorCode, failedCall } from '../exchange/file-error.js';
import { addUriToAlias, documentRoot, FILE_PATHS, filePath } from '../exchange/file-path.js';
import { fileStatus } from '../exchange/static-file.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { defineModule } from '../program/module.js';
import type { Template } from '../program/template.js';
import { DONE, NEXT, type Verdict } from '../program/verdict.js';

/** A file, or a directory if written with a trailing slash (which is not part of `name`). */
interface Candidate<T> {
  readonly name: T;
  readonly directory: boolean;
}

interface TryFiles {
  readonly candidates: readonly Candidate<TemplateData>[];
  /** Fallback if none exists: a status, a URI or `@name`. */
  readonly last: number | TemplateData;
}

function parse(words: readonly Word[], c: ArgumentContext): TryFiles {
  const candidates = words.slice(0, -1).map((w) => {
    const directory = w.text.endsWith('/');
    return { name: parseTemplate(w, c, 0, w.text.length - (directory ? 1 : 0)), directory };
  });
  // `min` is 2, so there is a last word.
  const word = words.at(-1) as Word;
  if (!word.text.startsWith('=')) return { candidates, last: parseTemplate(word, c) };
  const code = parseInteger(word.text.slice(1));
  if (code === null || code > 999) {
    return c.fail(word, 'invalid-value', `invalid code "${word.text}"`, {
      help: '"=" must be followed by a status, such as =404',
    });
  }
  return { candidates, last: code };
}

/** `name` relative to the document root; with an alias, without the prefix that the alias replaces. */
function belowRoot(x: Exchange, template: Template): string {
  const { alias, aliasLength } = x.location.settings.get(FILE_PATHS);
  const name = template.of(x);
  const replaces = alias !== null && aliasLength > 0 && template.constant === null;
  return replaces && name.startsWith(x.uri.slice(0, aliasLength)) ? name.slice(aliasLength) : name;
}

function tryFiles(
  x: Exchange,
  candidates: readonly Candidate<Template>[],
  last: number | Template,
  exists: FileExists,
): Verdict {
  // Logs an error if the alias cannot be applied.
  if (filePath(x) === null) return 500;
  for (const candidate of candidates) {
    const name = belowRoot(x, candidate.name);
    const path = documentRoot(x) + name;
    if (!exists(x, path, candidate.directory)) continue;
    useFile(x, name, candidate.directory);
    return NEXT;
  }
  return typeof last === 'number' ? last : useFallback(x, belowRoot(x, last));
}

/** Whether a file or directory exists. */
type FileExists = (x: Exchange, path: string, directory: boolean) => boolean;

function fileExists(x: Exchange, path: string, directory: boolean): boolean {
  try {
    return fileStatus(x, path)?.isDirectory() === directory;
  } catch (error) {
    const code = errorCode(error);
    if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'ENAMETOOLONG') {
      logError(x, 'crit', `${failedCall(error)}() "${path}" failed (${errnoText(error)})`);
    }
    return false;
  }
}

/** Continues in the same location with the file. */
function useFile(exchange: Exchange, name: string, directory: boolean): void {
  const x = httpExchange(exchange);
  const { alias, aliasLength } = x.location.settings.get(FILE_PATHS);
  if (alias === null) x.uri = name;
  else if (aliasLength >= 0) x.uri = x.uri.slice(0, aliasLength) + name;
  else if (!directory) {
    x.uri = name;
    addUriToAlias(x);
  }
}

function useFallback(x: Exchange, target: string): Verdict {
  if (target.startsWith('@')) {
    if (x.toNamedLocation(target)) return DONE;
    logError(x, 'error', `could not find named location "${target}"`);
    return 500;
  }
  const query = target.indexOf('?');
  if (query < 0) x.internalRedirect(target, '');
  else x.internalRedirect(target.slice(0, query), target.slice(query + 1));
  return DONE;
}

export default defineModule({
  name: 'try_files',
  doc: 'Checks for files in a given order and handles the request with the first that exists.',
  directives: {
    try_files: {
      contexts: ['server', 'location'],
      takes: custom('file ... uri | file ... =code', 2, Number.POSITIVE_INFINITY, parse),
      inherit: 'none',
      doc: 'Checks the existence of files in the given order, and continues in the same location with the first that exists; paths are constructed from `root` or `alias`. A trailing slash checks for a directory. If none exists, an internal redirect is made to the last parameter, which may be a URI, a named location, or a status (`=404`). A `try_files` at server level applies only to requests that match no location.',
      example: 'try_files $uri $uri/ $uri.html =404;',
    },
  },
  phases: {
    precontent: {
      order: 10,
      compile(conf, { compiler, owns }) {
        const value = conf.try_files;
        if (value === undefined || !owns('try_files')) return null;
        const candidates = value.candidates.map(({ name, directory }) => ({
          name: compiler.template(name),
          directory,
        }));
        const last = typeof value.last === 'number' ? value.last : compiler.template(value.last);
        const exists: FileExists = compiler.observer.watch(fileExists, (_x, found, path, directory) => ({
          kind: 'file',
          path,
          directory,
          found,
        }));
        return (x) => tryFiles(x, candidates, last, exists);
      },
    },
  },
});

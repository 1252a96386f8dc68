/** nginx's `ngx_http_try_files_module`: goes on with the first file that exists. */
import { statSync } from 'node:fs';
import type { Word } from '../../grammar/syntax-tree.js';
import { custom } from '../config/argument-types.js';
import type { ArgumentContext } from '../config/directive.js';
import type { TemplateData } from '../config/template.js';
import { parseTemplate } from '../config/template-parser.js';
import { parseInteger } from '../config/units.js';
import { errnoText } from '../diagnostics/errno.js';
import { logError } from '../exchange/error-context.js';
import type { Exchange } from '../exchange/exchange.js';
import { errorCode } from '../exchange/file-error.js';
import { addUriToAlias, documentRoot, filePath, nativePath } from '../exchange/file-path.js';
import { defineModule } from '../exchange/module.js';
import type { Template } from '../exchange/template.js';
import { DONE, NEXT, type Verdict } from '../exchange/verdict.js';

/** A file, or a directory where a slash stood at the end (which is not in `name`). */
interface Candidate<T> {
  readonly name: T;
  readonly directory: boolean;
}

interface TryFiles {
  readonly candidates: readonly Candidate<TemplateData>[];
  /** What holds when none exists: a status, or a URI or `@name`. */
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
      help: 'after "=" comes the status to answer with, such as =404',
    });
  }
  return { candidates, last: code };
}

/** `name` as it is appended to the location's root: with an alias, without what the alias replaces. */
function belowRoot(x: Exchange, template: Template): string {
  const { alias, aliasLength } = x.location.settings;
  const name = template.of(x);
  const replaces = alias !== null && aliasLength > 0 && template.constant === null;
  return replaces && name.startsWith(x.uri.slice(0, aliasLength)) ? name.slice(aliasLength) : name;
}

function tryFiles(
  x: Exchange,
  candidates: readonly Candidate<Template>[],
  last: number | Template,
  isThere: Look,
): Verdict {
  // Logs where the alias cannot be applied.
  if (filePath(x) === null) return 500;
  for (const candidate of candidates) {
    const name = belowRoot(x, candidate.name);
    const path = documentRoot(x) + name;
    if (!isThere(x, path, candidate.directory)) continue;
    found(x, name, candidate.directory);
    return NEXT;
  }
  return typeof last === 'number' ? last : fallBack(x, belowRoot(x, last));
}

/** Whether a file, or a directory, is there. */
type Look = (x: Exchange, path: string, directory: boolean) => boolean;

function look(x: Exchange, path: string, directory: boolean): boolean {
  try {
    const stat = statSync(nativePath(path), { throwIfNoEntry: false });
    return stat !== undefined && stat.isDirectory() === directory;
  } catch (error) {
    const code = errorCode(error);
    if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'ENAMETOOLONG') {
      logError(x, 'crit', `stat() "${path}" failed (${errnoText(error)})`);
    }
    return false;
  }
}

/** The request goes on with the file, in the same location. */
function found(x: Exchange, name: string, directory: boolean): void {
  const { alias, aliasLength } = x.location.settings;
  if (alias === null) x.uri = name;
  else if (aliasLength >= 0) x.uri = x.uri.slice(0, aliasLength) + name;
  else if (!directory) {
    x.uri = name;
    addUriToAlias(x);
  }
}

function fallBack(x: Exchange, target: string): Verdict {
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
  doc: 'Looks for files in the order given and handles the request with the first that exists.',
  directives: {
    try_files: {
      contexts: ['server', 'location'],
      takes: custom('file ... uri | file ... =code', 2, Number.POSITIVE_INFINITY, parse),
      inherit: 'none',
      doc: 'Checks whether files exist, in the order given, and goes on in the same location with the first that does; paths are made by `root` or `alias`. A slash at the end asks for a directory. Where none exists, an internal redirect to the last parameter is made, which may be a URI, a named location, or a status (`=404`). A `try_files` at server level holds only for requests that match no location.',
      example: 'try_files $uri $uri/ $uri.html =404;',
    },
  },
  phases: {
    precontent: {
      order: 10,
      pure: true,
      compile(conf, { compiler, owns }) {
        const value = conf.try_files;
        if (value === undefined || !owns('try_files')) return null;
        const candidates = value.candidates.map(({ name, directory }) => ({
          name: compiler.template(name),
          directory,
        }));
        const last = typeof value.last === 'number' ? value.last : compiler.template(value.last);
        const isThere: Look =
          compiler.observer?.watch(look, (_x, found, path, directory) => ({ kind: 'file', path, directory, found })) ??
          look;
        return (x) => tryFiles(x, candidates, last, isThere);
      },
    },
  },
});

/** nginx's `ngx_http_autoindex_module`: directory listings. */
import { lstat, readdir, stat } from 'node:fs/promises';
import * as types from '../config/argument-types.js';
import { errnoText } from '../diagnostics/errno.js';
import { errorCode, fileFailed } from '../exchange/file-error.js';
import { filePath } from '../exchange/file-path.js';
import { type DirectoryEntry, htmlListing, jsonListing, xmlListing } from '../files/directory-listing.js';
import { nativePath } from '../files/native-path.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { defineModule } from '../program/module.js';
import { DONE, NEXT, type Verdict } from '../program/verdict.js';

/** Number of entries whose `stat` runs at the same time; limits the load on the thread pool. */
const BATCH = 32;

interface ListingRules {
  readonly format: 'html' | 'json' | 'jsonp' | 'xml';
  readonly exactSize: boolean;
  readonly localTime: boolean;
}

const CONTENT_TYPES = {
  html: 'text/html',
  json: 'application/json',
  jsonp: 'application/javascript',
  xml: 'text/xml; charset=utf-8',
} as const;

function list(x: Exchange, rules: ListingRules): Verdict | Promise<Verdict> {
  if (!x.uri.endsWith('/') || (x.method !== 'GET' && x.method !== 'HEAD')) return NEXT;
  const file = filePath(x);
  if (file === null) return 500;
  const path = file.path.length > 1 ? file.path.slice(0, -1) : file.path;
  const callback = rules.format === 'jsonp' ? callbackOf(x.args) : '';
  if (callback === null) {
    logError(x, 'info', 'client sent invalid callback name');
    return 400;
  }
  return send(x, path, rules, callback);
}

/** The `callback` argument: empty if absent, null if it is not a plain name. */
function callbackOf(args: string): string | null {
  const value = /(?:^|&)callback=([^&]*)/i.exec(args)?.[1] ?? '';
  return value.length <= 128 && /^[A-Za-z0-9_.]*$/.test(value) ? value : null;
}

async function send(x: Exchange, path: string, rules: ListingRules, callback: string): Promise<Verdict> {
  let entries: DirectoryEntry[];
  try {
    entries = await readEntries(x, path);
  } catch (error) {
    return x.finished ? DONE : fileFailed(x, 'opendir', path, error);
  }
  if (x.finished) return DONE;
  const format = rules.format === 'jsonp' && callback === '' ? 'json' : rules.format;
  x.response.status = 200;
  x.response.contentType = CONTENT_TYPES[format];
  if (!x.sendHead()) return DONE;
  if (!x.headOnly) x.write(render(x, entries, format, rules, callback));
  x.end();
  return DONE;
}

function render(
  x: Exchange,
  entries: readonly DirectoryEntry[],
  format: ListingRules['format'],
  rules: ListingRules,
  callback: string,
): string {
  if (format === 'xml') return xmlListing(entries);
  if (format !== 'html') return jsonListing(entries, callback);
  const utf8 = /; *charset=utf-8$/i.test(x.response.contentType ?? '');
  const { exactSize, localTime } = rules;
  return htmlListing(x.uri, entries, { exactSize, localTime, utf8 });
}

async function readEntries(x: Exchange, path: string): Promise<DirectoryEntry[]> {
  const names = (await readdir(nativePath(path), { encoding: 'buffer' }))
    .map((name) => name.toString('latin1'))
    .filter((name) => !name.startsWith('.'));
  const entries: DirectoryEntry[] = [];
  for (let at = 0; at < names.length; at += BATCH) {
    const batch = await Promise.all(names.slice(at, at + BATCH).map((name) => readEntry(x, path, name)));
    for (const entry of batch) if (entry !== null) entries.push(entry);
  }
  return entries.sort(compareEntries);
}

/** Null for an entry without permission for `stat`; a dangling symbolic link is listed itself. */
async function readEntry(x: Exchange, directory: string, name: string): Promise<DirectoryEntry | null> {
  const path = `${directory}/${name}`;
  const native = nativePath(path);
  try {
    const found = await stat(native).catch((error: unknown) => {
      const code = errorCode(error);
      if (code !== 'ENOENT' && code !== 'ELOOP') throw error;
      return lstat(native);
    });
    const kind = found.isDirectory() ? 'directory' : found.isFile() ? 'file' : 'other';
    return { name, kind, modified: Math.floor(found.mtimeMs / 1000), size: found.size };
  } catch (error) {
    // Deleted since `readdir`. nginx fails here; omitting the entry is correct.
    if (errorCode(error) === 'ENOENT') return null;
    logError(x, 'crit', `stat() "${path}" failed (${errnoText(error)})`);
    if (errorCode(error) === 'EACCES') return null;
    throw error;
  }
}

/** Directories first, then by the bytes of the names. */
function compareEntries(a: DirectoryEntry, b: DirectoryEntry): number {
  const directory = Number(b.kind === 'directory') - Number(a.kind === 'directory');
  if (directory !== 0) return directory;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

export default defineModule({
  name: 'autoindex',
  doc: 'Responds to a URI that ends with a slash with a listing of the directory if it has no index file.',
  directives: {
    autoindex: {
      contexts: ['http', 'server', 'location'],
      takes: types.flag,
      default: 'off',
      doc: 'Enables directory listings.',
      example: 'autoindex on;',
    },
    autoindex_exact_size: {
      contexts: ['http', 'server', 'location'],
      takes: types.flag,
      default: 'on',
      doc: 'Whether HTML listings show exact file sizes in bytes, or sizes rounded to kilobytes, megabytes and gigabytes.',
      example: 'autoindex_exact_size off;',
    },
    autoindex_format: {
      contexts: ['http', 'server', 'location'],
      takes: types.choice('html', 'json', 'jsonp', 'xml'),
      default: 'html',
      doc: 'The format of listings. With `jsonp`, the request argument `callback` names the callback function; without it the response is plain JSON.',
      example: 'autoindex_format json;',
    },
    autoindex_localtime: {
      contexts: ['http', 'server', 'location'],
      takes: types.flag,
      default: 'off',
      doc: 'Whether HTML listings show times in the local time zone or in UTC.',
      example: 'autoindex_localtime on;',
    },
  },
  phases: {
    content: {
      order: 20,
      compile(conf) {
        if (!conf.autoindex) return null;
        const rules: ListingRules = {
          format: conf.autoindex_format,
          exactSize: conf.autoindex_exact_size,
          localTime: conf.autoindex_localtime,
        };
        return (x) => list(x, rules);
      },
    },
  },
});

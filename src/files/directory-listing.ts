/** Directory listings in the formats of nginx's autoindex, byte for byte; all strings are byte strings. */
import { toBytes, toText } from '../diagnostics/byte-string.js';
import { escapeHtml } from '../http/html-escape.js';
import { formatHttpDate } from '../http/http-date.js';
import { escapeComponent } from '../http/uri-escape.js';

export interface DirectoryEntry {
  readonly name: string;
  readonly kind: 'directory' | 'file' | 'other';
  /** Seconds since 1970. */
  readonly modified: number;
  /** Bytes. */
  readonly size: number;
}

export interface HtmlListingOptions {
  readonly exactSize: boolean;
  readonly localTime: boolean;
  /** Whether names are UTF-8, so that columns are counted in characters. */
  readonly utf8: boolean;
}

/** Width of the name column. */
const NAME_WIDTH = 50;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export function htmlListing(uri: string, entries: readonly DirectoryEntry[], options: HtmlListingOptions): string {
  const title = escapeHtml(uri);
  const rows = entries.map((entry) => htmlRow(entry, options)).join('');
  return (
    `<html>\r\n<head><title>Index of ${title}</title></head>\r\n<body>\r\n<h1>Index of ${title}</h1>` +
    `<hr><pre><a href="../">../</a>\r\n${rows}</pre><hr></body>\r\n</html>\r\n`
  );
}

function htmlRow(entry: DirectoryEntry, options: HtmlListingOptions): string {
  const { name } = entry;
  const slash = entry.kind === 'directory' ? '/' : '';
  const characters = options.utf8 ? charactersOf(name) : null;
  const width = characters?.length ?? name.length;
  let shown: string;
  if (width > NAME_WIDTH) {
    const short = characters?.slice(0, NAME_WIDTH - 3).join('') ?? name.slice(0, NAME_WIDTH - 3);
    shown = `${escapeHtml(short)}..&gt;</a>`;
  } else {
    const mark = width < NAME_WIDTH ? slash : '';
    shown = `${escapeHtml(name)}${mark}</a>${' '.repeat(NAME_WIDTH - width - mark.length)}`;
  }
  return `<a href="${escapeComponent(name)}${slash}">${shown} ${date(entry.modified, options.localTime)} ${size(entry, options.exactSize)}\r\n`;
}

/** Returns the characters of UTF-8 text, or null if it is invalid. */
function charactersOf(bytes: string): string[] | null {
  const text = toText(bytes);
  if (toBytes(text) !== bytes) return null;
  return [...text].map((character) => toBytes(character));
}

function date(seconds: number, local: boolean): string {
  // As in nginx, the current UTC offset is used for all dates.
  const offset = local ? -new Date().getTimezoneOffset() * 60 : 0;
  const time = new Date((seconds + offset) * 1000);
  const two = (n: number) => String(n).padStart(2, '0');
  const day = `${two(time.getUTCDate())}-${MONTHS[time.getUTCMonth()]}-${time.getUTCFullYear()}`;
  return `${day} ${two(time.getUTCHours())}:${two(time.getUTCMinutes())}`;
}

function size(entry: DirectoryEntry, exact: boolean): string {
  const directory = entry.kind === 'directory';
  if (exact) return (directory ? '-' : String(entry.size)).padStart(19);
  if (directory) return '      -';
  const [unit, name] = unitOf(entry.size);
  // Rounds half up; half a unit minus one byte already counts as half.
  const rounded = Math.floor(entry.size / unit) + (unit > 1 && entry.size % unit > unit / 2 - 1 ? 1 : 0);
  return `${String(rounded).padStart(name === '' ? 7 : 6)}${name}`;
}

function unitOf(bytes: number): readonly [number, string] {
  if (bytes >= 2 ** 30) return [2 ** 30, 'G'];
  if (bytes >= 2 ** 20) return [2 ** 20, 'M'];
  return bytes > 9999 ? [2 ** 10, 'K'] : [1, ''];
}

/** `callback`: name of the JSONP function; empty for plain JSON. */
export function jsonListing(entries: readonly DirectoryEntry[], callback: string): string {
  const rows = entries.map((entry) => {
    const size = entry.kind === 'file' ? `, "size":${entry.size}` : '';
    return `\r\n{ "name":"${escapeJson(entry.name)}", "type":"${entry.kind}", "mtime":"${formatHttpDate(entry.modified)}"${size} }`;
  });
  const list = `[${rows.join(',')}\r\n]`;
  return callback === '' ? list : `/* callback */\r\n${callback}(${list});`;
}

const JSON_LETTERS: Readonly<Record<string, string>> = { '\n': 'n', '\r': 'r', '\t': 't', '\b': 'b', '\f': 'f' };

function escapeJson(text: string): string {
  return text.replace(/[\x00-\x1f"\\]/g, (c) => {
    if (c === '"' || c === '\\') return `\\${c}`;
    return `\\${JSON_LETTERS[c] ?? `u00${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`}`;
  });
}

export function xmlListing(entries: readonly DirectoryEntry[]): string {
  const rows = entries.map(({ name, kind, modified, size }) => {
    const time = new Date(modified * 1000).toISOString().replace('.000', '');
    const bytes = kind === 'file' ? ` size="${size}"` : '';
    return `<${kind} mtime="${time}"${bytes}>${escapeHtml(name)}</${kind}>\r\n`;
  });
  return `<?xml version="1.0"?>\r\n<list>\r\n${rows.join('')}</list>\r\n`;
}

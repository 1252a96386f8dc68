/**
 * JSON of a configuration, as crossplane's `parse` prints it and `build` reads it
 * (https://github.com/nginxinc/crossplane#schema). Strings are bytes; `json-text.ts` has their form in JSON.
 *
 * Fields that crossplane does not have keep the notation; programs that ignore or drop them lose the notation only.
 */

/** A directive, or a comment: `directive` is `#`, and `comment` its text. */
export interface Directive {
  directive: string;
  /** Line in its file, from 1. */
  line?: number;
  /**
   * Words after the name, without quotes; the parentheses of `if` are removed. Of backslashes in quotes, only those before
   * the same quote are resolved. The last argument of a block in another language is its text.
   */
  args: string[];
  /** Indexes of the included files in `config`. */
  includes?: number[];
  block?: Directive[];
  comment?: string;
  /** Not in crossplane: all words as written, the name first, where they cannot be derived from `args`. */
  written?: string[];
  /** Not in crossplane: a blank line precedes. */
  blank?: true;
  /** Not in crossplane: indexes of the words after the name that begin on another line than the word before. */
  breaks?: number[];
  /** Not in crossplane: indexes of words that begin with `)` and do not adjoin the quoted word before. */
  apart?: number[];
  /** Not in crossplane: whether a comment follows on the line of what precedes it, where the lines do not show it. */
  trailing?: boolean;
  /** Not in crossplane: the comment precedes this word after the name of the last directive, or its end. */
  before?: number;
}

export interface PayloadError {
  error: string;
  line: number | null;
}

/** One file. */
export interface ConfigFile {
  file: string;
  status: 'ok' | 'failed';
  errors: PayloadError[];
  parsed: Directive[];
}

export interface Payload {
  status: 'ok' | 'failed';
  errors: (PayloadError & { file: string })[];
  config: ConfigFile[];
}

/** Reason why a text is not a payload. */
export class PayloadMistake extends Error {}

/** Maximum nesting of blocks, as for `-t`. */
export const MAX_DEPTH = 500;

/** Checks the shape of a payload: `parse`'s object, its `config`, or the directives of one file. */
export function readPayload(value: unknown): Payload {
  const config = isObject(value) && Array.isArray(value.config) ? value.config : null;
  if (config !== null) return { status: 'ok', errors: [], config: config.map(readFile) };
  if (Array.isArray(value)) {
    const isFiles = value.length > 0 && value.every((each) => isObject(each) && Array.isArray(each.parsed));
    if (isFiles) return { status: 'ok', errors: [], config: value.map(readFile) };
    const parsed = readDirectives(value, '', 0);
    return { status: 'ok', errors: [], config: [{ file: 'nginx.conf', status: 'ok', errors: [], parsed }] };
  }
  throw new PayloadMistake('an object with "config", or a list of directives, is expected');
}

function readFile(value: unknown, index: number): ConfigFile {
  const at = `config[${index}]`;
  if (!isObject(value)) throw new PayloadMistake(`${at} is not an object`);
  const file = value.file ?? 'nginx.conf';
  if (typeof file !== 'string' || file.includes('\0')) throw new PayloadMistake(`${at}.file is not a path`);
  return { file, status: 'ok', errors: [], parsed: readDirectives(value.parsed, `${at}.parsed`, 0) };
}

function readDirectives(value: unknown, at: string, depth: number): Directive[] {
  if (!Array.isArray(value)) throw new PayloadMistake(`${at} is not a list of directives`);
  if (depth > MAX_DEPTH) throw new PayloadMistake(`blocks nest more than ${MAX_DEPTH} deep`);
  return value.map((each, index) => readDirective(each, `${at}[${index}]`, depth));
}

function readDirective(value: unknown, at: string, depth: number): Directive {
  if (!isObject(value)) throw new PayloadMistake(`${at} is not an object`);
  const { directive, line, args = [], block, comment, written, blank, breaks, apart, trailing, before } = value;
  if (typeof directive !== 'string') throw new PayloadMistake(`${at}.directive is not a string`);
  if (directive === '#' && typeof comment !== 'string') throw new PayloadMistake(`${at}.comment is not a string`);
  return {
    directive,
    ...(line !== undefined && { line: count(line, `${at}.line`) }),
    args: strings(args, `${at}.args`),
    ...(block !== undefined && block !== null && { block: readDirectives(block, `${at}.block`, depth + 1) }),
    ...(typeof comment === 'string' && { comment: comment.replace(/[\n\0]/g, ' ') }),
    ...(written !== undefined && { written: strings(written, `${at}.written`) }),
    ...(blank === true && { blank }),
    ...(Array.isArray(breaks) && { breaks: breaks.map((each) => count(each, `${at}.breaks`)) }),
    ...(Array.isArray(apart) && { apart: apart.map((each) => count(each, `${at}.apart`)) }),
    ...(typeof trailing === 'boolean' && { trailing }),
    ...(before !== undefined && { before: count(before, `${at}.before`) }),
  };
}

function strings(value: unknown, at: string): string[] {
  if (!Array.isArray(value)) throw new PayloadMistake(`${at} is not a list`);
  return value.map((each, index) => {
    if (typeof each !== 'string' || each.includes('\0')) throw new PayloadMistake(`${at}[${index}] is not a text`);
    return each;
  });
}

function count(value: unknown, at: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new PayloadMistake(`${at} is not a number`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

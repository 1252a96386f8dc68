/** Argument parsers of `access_log`, `websocket_log` and `open_log_file_cache`. */
import type { Word } from '../../../grammar/syntax-tree.js';
import type { ArgumentContext } from '../../config/directive.js';
import { isSyslog, parseSyslog, type SyslogData } from '../../config/syslog-argument.js';
import type { TemplateData } from '../../config/template.js';
import { parseTemplate } from '../../config/template-parser.js';
import { parseInteger, parseMilliseconds, parseSeconds, parseSize } from '../../config/units.js';
import type { LogBuffer } from '../../logging/access-log-file.js';
import type { LogFileCacheOptions } from '../../logging/log-file-cache.js';

/** Value of one `access_log` or `websocket_log`. Plain data. */
export type AccessLog =
  | { readonly off: true }
  | {
      readonly off: false;
      /** Absolute path or template; for a syslog server the parameter as written. */
      readonly path: TemplateData;
      readonly syslog: SyslogData | null;
      readonly format: string;
      /** A request is logged only if the value is neither empty nor `0`. */
      readonly condition: TemplateData | null;
      readonly buffer: LogBuffer;
    };

/** nginx's buffer size for `gzip` without `buffer`, in bytes. */
const GZIP_BUFFER = 64 * 1024;

/** `standard`: name of the format that applies if none is written. */
export function parseLog(words: readonly Word[], c: ArgumentContext, standard: string): AccessLog {
  const [target, format, ...parameters] = words as readonly [Word, Word?, ...Word[]]; // at least one word: `min`
  if (target.text === 'off') {
    if (format !== undefined) c.fail(format, 'invalid-value', `invalid parameter "${format.text}"`);
    return { off: true };
  }
  const syslog = isSyslog(target) ? parseSyslog(target, c) : null;
  const path = syslog === null ? parsePath(target, c) : target.text;
  const { condition, buffer } = parseParameters(target, parameters, c);
  if (buffer.size > 0 && syslog !== null) {
    c.fail(target, 'conflicting-directives', 'logs to syslog cannot be buffered');
  }
  if (buffer.size > 0 && typeof path !== 'string') {
    c.fail(target, 'conflicting-directives', 'buffered logs cannot have variables in name');
  }
  return { off: false, path, syslog, format: format?.text ?? standard, condition, buffer };
}

function parsePath(word: Word, c: ArgumentContext): TemplateData {
  const template = parseTemplate(word, c);
  if (typeof template === 'string') return c.path(template, 'prefix');
  return word.text.startsWith('/') ? template : [c.path('', 'prefix'), ...template];
}

function parseParameters(
  target: Word,
  words: readonly Word[],
  c: ArgumentContext,
): { condition: TemplateData | null; buffer: LogBuffer } {
  let condition: TemplateData | null = null;
  let size = 0;
  let flush = 0;
  let gzip = 0;
  for (const word of words) {
    const equals = word.text.indexOf('=');
    const name = equals < 0 ? word.text : word.text.slice(0, equals);
    const value = equals < 0 ? '' : word.text.slice(equals + 1);
    if (name === 'buffer' && equals > 0) {
      size = parseSize(value) ?? 0;
      if (size === 0) c.fail(word, 'invalid-value', `invalid buffer size "${value}"`);
    } else if (name === 'flush' && equals > 0) {
      flush = parseMilliseconds(value) ?? 0;
      if (flush === 0) c.fail(word, 'invalid-value', `invalid flush time "${value}"`);
    } else if (name === 'gzip') {
      if (size === 0) size = GZIP_BUFFER;
      gzip = equals < 0 ? 1 : (parseInteger(value) ?? 0);
      if (gzip < 1 || gzip > 9) c.fail(word, 'invalid-value', `invalid compression level "${value}"`);
    } else if (name === 'if' && equals > 0) {
      condition = parseTemplate(word, c, equals + 1);
    } else {
      c.fail(word, 'invalid-value', `invalid parameter "${word.text}"`, {
        help: 'valid parameters after path and format: buffer=size, flush=time, gzip[=level], if=condition',
      });
    }
  }
  if (flush > 0 && size === 0) {
    c.fail(target, 'conflicting-directives', `no buffer is defined for ${c.directive} "${target.text}"`, {
      help: 'flush=time requires buffer=size',
    });
  }
  return { condition, buffer: { size, flush, gzip } };
}

export function parseCache(words: readonly Word[], c: ArgumentContext): LogFileCacheOptions | null {
  const options = { max: 0, inactive: 10_000, minUses: 1, valid: 60_000 };
  let off = false;
  for (const word of words) {
    const [name, value = ''] = word.text.split('=', 2);
    const number = parseInteger(value);
    const time = parseSeconds(value);
    if (name === 'max' && number !== null) options.max = number;
    else if (name === 'min_uses' && number !== null) options.minUses = number;
    else if (name === 'inactive' && time !== null) options.inactive = time * 1000;
    else if (name === 'valid' && time !== null) options.valid = time * 1000;
    else if (word.text === 'off') off = true;
    else c.fail(word, 'invalid-value', `invalid "open_log_file_cache" parameter "${word.text}"`);
  }
  if (!off && options.max === 0) {
    c.fail(c.statement, 'invalid-value', '"open_log_file_cache" must have "max" parameter');
  }
  return off ? null : options;
}

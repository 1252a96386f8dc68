/** `access_log`, `log_format`: one line for each request. */
import { statSync } from 'node:fs';
import type { Statement, Word } from '../../grammar/syntax-tree.js';
import { custom } from '../config/argument-types.js';
import type { CheckedBlock, CheckedConfig } from '../config/checked-config.js';
import type { ArgumentContext } from '../config/directive.js';
import type { CheckContext } from '../config/module-declaration.js';
import type { TemplateData, TemplatePiece } from '../config/template.js';
import { parseTemplate } from '../config/template-parser.js';
import { parseInteger, parseMilliseconds, parseSeconds, parseSize } from '../config/units.js';
import { errnoText } from '../diagnostics/errno.js';
import { AccessLogFile, type LogBuffer } from '../exchange/access-log-file.js';
import { iso8601Time, localTime, now } from '../exchange/clock.js';
import { logError } from '../exchange/error-context.js';
import type { Exchange } from '../exchange/exchange.js';
import { documentRoot, nativePath } from '../exchange/file-path.js';
import { escapeJson, escapeLog } from '../exchange/log-escape.js';
import { LogFile } from '../exchange/log-file.js';
import { LogFileCache, type LogFileCacheOptions } from '../exchange/log-file-cache.js';
import { type Compiler, defineModule, type Scope } from '../exchange/module.js';
import type { Template } from '../exchange/template.js';
import type { VariableSpec } from '../exchange/variable.js';
import { NEXT } from '../exchange/verdict.js';

// -- log_format

type Escaping = 'default' | 'json' | 'none';

interface Format {
  readonly name: string;
  readonly escaping: Escaping;
  readonly template: TemplateData;
}

const COMBINED = 'combined';

function parseFormat(words: readonly Word[], c: ArgumentContext): Format {
  const [name, ...rest] = words as [Word, ...Word[]]; // at least two words: `min`
  let escaping: Escaping = 'default';
  const [first] = rest;
  if (first?.text.startsWith('escape=')) {
    const value = first.text.slice('escape='.length);
    if (value !== 'default' && value !== 'json' && value !== 'none') {
      return c.fail(first, 'invalid-value', `unknown log format escaping "${value}"`, {
        help: 'it must be one of: default, json, none',
      });
    }
    escaping = value;
    rest.shift();
  }
  const pieces = rest.map((word) => parseTemplate(word, c)).flatMap(piecesOf);
  return { name: name.text, escaping, template: pieces };
}

function piecesOf(template: TemplateData): readonly TemplatePiece[] {
  return typeof template === 'string' ? [template] : template;
}

/** Makes the line for a request, without its line break. */
type Line = (x: Exchange) => string;

function compileFormat({ escaping, template }: Format, compiler: Compiler): Line {
  const parts: (string | ((x: Exchange) => string))[] = [];
  for (const piece of piecesOf(template)) {
    if (typeof piece === 'string') {
      if (piece !== '') parts.push(piece);
      continue;
    }
    const own = VARIABLES[piece.variable]?.get;
    const variable = compiler.variable(piece.variable);
    if (own !== undefined) parts.push((x) => own(x) ?? '');
    else if (escaping === 'json') parts.push((x) => escapeJson(variable.value(x) ?? ''));
    else if (escaping === 'none') parts.push((x) => variable.value(x) ?? '');
    else {
      parts.push((x) => {
        const value = variable.value(x);
        return value === undefined ? '-' : escapeLog(value);
      });
    }
  }
  return (x) => {
    let line = '';
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i] as (typeof parts)[number];
      line += typeof part === 'string' ? part : part(x);
    }
    return line;
  };
}

// -- access_log

type AccessLog =
  | { readonly off: true }
  | {
      readonly off: false;
      /** Absolute, or with variables. */
      readonly path: TemplateData;
      readonly format: string;
      /** Logged only where it is neither empty nor `0`. */
      readonly condition: TemplateData | null;
      readonly buffer: LogBuffer;
    };

/** nginx's buffer where `gzip` is given without one. */
const GZIP_BUFFER = 64 * 1024;

function parseAccessLog(words: readonly Word[], c: ArgumentContext): AccessLog {
  const [target, format, ...parameters] = words as readonly [Word, Word?, ...Word[]]; // at least one word: `min`
  if (target.text === 'off') {
    if (format !== undefined) c.fail(format, 'invalid-value', `invalid parameter "${format.text}"`);
    return { off: true };
  }
  if (target.text.startsWith('syslog:')) {
    c.fail(target, 'nginx-only-directive', 'access_log to syslog is not supported', {
      help: 'log to a file, or to /dev/stdout and let the service manager pass it on',
    });
  }
  const path = parsePath(target, c);
  const { condition, buffer } = parseParameters(target, parameters, c);
  if (buffer.size > 0 && typeof path !== 'string') {
    c.fail(target, 'conflicting-directives', 'buffered logs cannot have variables in name');
  }
  return { off: false, path, format: format?.text ?? COMBINED, condition, buffer };
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
        help: 'after path and format may stand: buffer=size, flush=time, gzip[=level], if=condition',
      });
    }
  }
  if (flush > 0 && size === 0) {
    c.fail(target, 'conflicting-directives', `no buffer is defined for access_log "${target.text}"`, {
      help: 'flush=time writes what a buffer holds back; give buffer=size too',
    });
  }
  return { condition, buffer: { size, flush, gzip } };
}

/** Where lines go. */
type Sink = (x: Exchange, line: string) => void;

interface Logging {
  readonly condition: Template | null;
  readonly line: Line;
  readonly sink: Sink;
}

function compileLogs(
  logs: readonly AccessLog[],
  cache: LogFileCacheOptions | null,
  at: Scope,
): ((x: Exchange) => number) | null {
  if (logs.some(({ off }) => off)) return null;
  const { compiler } = at;
  const written = Object.hasOwn(at.block.values, 'access_log');
  const compiled: Logging[] = [];
  for (const log of logs) {
    if (log.off) continue;
    const sink =
      typeof log.path === 'string'
        ? fileSink(log.path, log.buffer, written, compiler)
        : variableSink(log.path, cache, compiler);
    if (sink === null) continue;
    const condition = log.condition === null ? null : compiler.template(log.condition);
    compiled.push({ condition, line: lineOf(log.format, compiler), sink });
  }
  if (compiled.length === 0) return null;
  return (x) => {
    for (let i = 0; i < compiled.length; i++) {
      const { condition, line, sink } = compiled[i] as Logging;
      if (condition !== null) {
        const value = condition.of(x);
        if (value === '' || value === '0') continue;
      }
      sink(x, `${line(x)}\n`);
    }
    return NEXT;
  };
}

/** Null where the default log cannot be opened: nobody asked for it. */
function fileSink(path: string, buffer: LogBuffer, written: boolean, compiler: Compiler): Sink | null {
  const absolute = path.startsWith('/') ? path : compiler.prefix + path;
  const key = `access_log ${absolute}`;
  const known = compiler.shared.get<AccessLogFile | null>(key);
  // The default log is every location's that names none, and is tried once.
  if (known === null && !written) return null;
  let file = known ?? compiler.previous?.get<AccessLogFile | null>(key) ?? null;
  if (file === null) {
    try {
      file = new AccessLogFile(absolute, compiler.errorLog);
    } catch (error) {
      if (!written) return compiler.shared.set(key, null);
      return compiler.fail(`open() "${absolute}" failed (${errnoText(error)})`, null);
    }
  }
  compiler.shared.set(key, file);
  // Several logs to one path agree, or only one of them asks for a buffer.
  if (buffer.size > 0 || !buffered(compiler).has(file)) file.configure(buffer);
  if (buffer.size > 0) buffered(compiler).add(file);
  const open = file;
  return (_x, line) => open.write(line);
}

/** The files for which a buffer is configured in this table. */
function buffered(compiler: Compiler): Set<AccessLogFile> {
  const key = 'buffered access logs';
  return compiler.shared.get<Set<AccessLogFile>>(key) ?? compiler.shared.set(key, new Set());
}

/** A log whose path has variables. It is written only if the root of the request exists: strangers make no files. */
function variableSink(path: TemplateData, options: LogFileCacheOptions | null, compiler: Compiler): Sink {
  const template = compiler.template(path);
  const cache = options === null ? null : cacheOf(options, compiler);
  return (x, line) => {
    if (!rootExists(x)) return;
    const to = template.of(x);
    try {
      const failed = cache === null ? appendOnce(to, line) : cache.append(to, line);
      if (failed !== null) logError(x, 'alert', `write() to "${to}" failed (${errnoText(failed)})`);
    } catch (error) {
      logError(x, 'crit', `open() "${to}" failed (${errnoText(error)})`);
    }
  };
}

function appendOnce(path: string, line: string): unknown {
  const file = new LogFile(path);
  const failed = file.write(line);
  file.close();
  return failed;
}

/** The cache of one directive; the blocks that inherit the directive share it. */
function cacheOf(options: LogFileCacheOptions, compiler: Compiler): LogFileCache {
  const key = 'log file caches';
  const caches =
    compiler.shared.get<Map<LogFileCacheOptions, LogFileCache>>(key) ??
    compiler.shared.set(key, new Map<LogFileCacheOptions, LogFileCache>());
  let cache = caches.get(options);
  if (cache === undefined) {
    // Under a key of its own it is closed and reopened with the other log files.
    cache = compiler.shared.set(`log file cache ${caches.size}`, new LogFileCache(options));
    caches.set(options, cache);
  }
  return cache;
}

function rootExists(x: Exchange): boolean {
  const root = documentRoot(x);
  try {
    if (statSync(nativePath(root)).isDirectory()) return true;
    logError(x, 'error', `testing "${root}" existence failed (20: Not a directory)`);
  } catch (error) {
    logError(x, 'error', `testing "${root}" existence failed (${errnoText(error)})`);
  }
  return false;
}

function formats(compiler: Compiler): Map<string, Line> {
  const key = 'log formats';
  return compiler.shared.get<Map<string, Line>>(key) ?? compiler.shared.set(key, new Map());
}

function lineOf(format: string, compiler: Compiler): Line {
  const line = formats(compiler).get(format.toLowerCase());
  return line ?? compiler.fail(`unknown log format "${format}"`, null);
}

// -- checks over a block

function checkLogs(block: CheckedBlock, c: CheckContext): void {
  const seen = new Map<string, Word>();
  for (const { args } of c.statements('log_format')) {
    const [name] = args;
    if (name === undefined) continue;
    const first = seen.get(name.text);
    if (first !== undefined || name.text === COMBINED) {
      c.report(name, 'duplicate-definition', `duplicate "log_format" name "${name.text}"`, {
        ...(first === undefined
          ? { help: '"combined" is predefined' }
          : { related: [{ at: first, message: 'first defined here' }] }),
      });
    }
    seen.set(name.text, name);
  }
  const known = new Set([COMBINED]);
  for (const http of c.all('http')) {
    for (const { name } of (http.values.log_format as readonly Format[] | undefined) ?? [])
      known.add(name.toLowerCase());
  }
  for (const statement of c.statements('access_log')) checkFormat(statement, known, c);
  checkBuffers(block, c);
}

function checkFormat({ args }: Statement, known: ReadonlySet<string>, c: CheckContext): void {
  const [target, format] = args;
  if (format === undefined || target?.text === 'off' || known.has(format.text.toLowerCase())) return;
  c.report(format, 'invalid-reference', `unknown log format "${format.text}"`, {
    help: `define it: log_format ${format.text} '...';`,
  });
}

/** All logs to one file have the same buffer, or none. */
function checkBuffers(block: CheckedBlock, c: CheckContext): void {
  if (!block.own.includes('access_log')) return;
  const first = firstBuffers(c);
  for (const log of logsOf(block)) {
    if (log.off || typeof log.path !== 'string' || log.buffer.size === 0) continue;
    const { path, buffer } = log;
    const other = first.get(path) ?? buffer;
    if (other.size === buffer.size && other.flush === buffer.flush && other.gzip === buffer.gzip) continue;
    const [word] =
      c.statements('access_log').findLast(({ args }) => args[0] && path.endsWith(args[0].text))?.args ?? [];
    if (word === undefined) continue;
    c.report(word, 'conflicting-directives', `access_log "${word.text}" already defined with conflicting parameters`, {
      help: 'logs to one file must agree in buffer, flush and gzip',
    });
  }
}

const firstBuffersOf = new WeakMap<CheckedConfig, Map<string, LogBuffer>>();

/** The buffer with which each file is first mentioned. */
function firstBuffers(c: CheckContext): ReadonlyMap<string, LogBuffer> {
  const known = firstBuffersOf.get(c.config);
  if (known !== undefined) return known;
  const buffers = new Map<string, LogBuffer>();
  for (const block of ['http', 'server', 'location', 'if', 'limit_except'].flatMap((opener) => c.all(opener))) {
    if (!block.own.includes('access_log')) continue;
    for (const log of logsOf(block)) {
      if (log.off || typeof log.path !== 'string' || log.buffer.size === 0 || buffers.has(log.path)) continue;
      buffers.set(log.path, log.buffer);
    }
  }
  firstBuffersOf.set(c.config, buffers);
  return buffers;
}

function logsOf(block: CheckedBlock): readonly AccessLog[] {
  return (block.values.access_log as readonly AccessLog[] | undefined) ?? [];
}

function parseCache(words: readonly Word[], c: ArgumentContext): LogFileCacheOptions | null {
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

// -- variables

/** Seconds with three decimals. */
function seconds(ms: number): string {
  const whole = Math.floor(ms / 1000);
  return `${whole}.${String(Math.floor(ms - whole * 1000)).padStart(3, '0')}`;
}

function status(x: Exchange): string {
  const code = x.response.status !== 0 ? x.response.status : x.errorStatus;
  if (code !== 0) return String(code);
  return x.version === 9 ? '009' : '000';
}

/** In a log line these are never escaped. */
const VARIABLES: Readonly<Record<string, VariableSpec>> = {
  pipe: { get: (x) => (x.client.pipelined ? 'p' : '.'), doc: '`p` where the request was pipelined, otherwise `.`.' },
  time_local: { get: localTime, doc: 'The local time as `28/Sep/1970:12:00:00 +0600`.' },
  time_iso8601: { get: iso8601Time, doc: 'The local time as `1970-09-28T12:00:00+06:00`.' },
  msec: { get: () => seconds(now()), doc: 'The time in seconds since 1970, with milliseconds.' },
  request_time: {
    get: (x) => seconds(Math.max(0, now() - x.startTime)),
    doc: 'Seconds since the first byte of the request was read, with milliseconds.',
  },
  status: { get: status, doc: 'The status of the answer.' },
  bytes_sent: { get: (x) => String(x.client.bytesSent), doc: 'Bytes sent to the client, heads included.' },
  body_bytes_sent: { get: (x) => String(x.bodyBytesSent), doc: 'Bytes of body sent to the client.' },
  request_length: {
    get: (x) => String(x.client.requestLength),
    doc: 'Bytes of the request: its line, its head and its body.',
  },
};

const COMBINED_FORMAT: Format = {
  name: COMBINED,
  escaping: 'default',
  template: [
    { variable: 'remote_addr' },
    ' - ',
    { variable: 'remote_user' },
    ' [',
    { variable: 'time_local' },
    '] "',
    { variable: 'request' },
    '" ',
    { variable: 'status' },
    ' ',
    { variable: 'body_bytes_sent' },
    ' "',
    { variable: 'http_referer' },
    '" "',
    { variable: 'http_user_agent' },
    '"',
  ],
};

export default defineModule({
  name: 'log',
  doc: 'Writes a line for each request.',
  directives: {
    log_format: {
      contexts: ['http'],
      takes: custom('name [escape=default | json | none] string ...', 2, Number.POSITIVE_INFINITY, parseFormat),
      repeat: true,
      doc: 'Defines what a line looks like. Values of variables are escaped: by `default` quotes, backslashes and all that is not printable become `\\xHH`, and a missing value is `-`; with `json` as in JSON strings; with `none` not at all. `combined` is predefined.',
      example: 'log_format brief \'$remote_addr "$request" $status $request_time\';',
    },
    access_log: {
      contexts: ['http', 'server', 'location', 'if in location', 'limit_except'],
      takes: custom(
        'path [format [buffer=size] [gzip[=level]] [flush=time] [if=condition]] | off',
        1,
        Number.POSITIVE_INFINITY,
        parseAccessLog,
      ),
      default: 'logs/access.log combined',
      repeat: true,
      doc: 'Logs requests to a file; several may be given. Lines are written at once, or with `buffer` when it is full, after `flush`, and at the end. `if` logs a request only where the string is neither empty nor `0`. The path may have variables. `off` logs nothing.',
      example: 'access_log logs/access.log combined buffer=32k flush=5s;',
      differs: 'The default log is left out where `logs/` does not exist. Logging to syslog is not supported.',
    },
    open_log_file_cache: {
      contexts: ['http', 'server', 'location'],
      takes: custom('max=N [inactive=time] [min_uses=N] [valid=time] | off', 1, 4, parseCache),
      default: 'off',
      doc: 'Keeps open the files of logs whose paths have variables: at most `max` of them, those that were used `min_uses` times, until they are not used for the time `inactive`. Every `valid` it is looked whether the path still leads to the file. Without it such a log is opened for each line.',
      example: 'open_log_file_cache max=1000 inactive=20s valid=1m min_uses=2;',
    },
  },
  variables: VARIABLES,
  check: checkLogs,
  http(conf, _block, compiler) {
    for (const format of [COMBINED_FORMAT, ...conf.log_format]) {
      const key = format.name.toLowerCase();
      if (!formats(compiler).has(key)) formats(compiler).set(key, compileFormat(format, compiler));
    }
  },
  phases: {
    log: { order: 100, compile: (conf, at) => compileLogs(conf.access_log, conf.open_log_file_cache, at) },
  },
});

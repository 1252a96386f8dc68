/** What must be true of all logs of a configuration together. */
import type { Statement, Word } from '../../../grammar/syntax-tree.js';
import { nearWord } from '../../config/argument-types.js';
import type { CheckedBlock, CheckedConfig } from '../../config/checked-config.js';
import type { CheckContext } from '../../config/module-declaration.js';
import type { LogBuffer } from '../../exchange/access-log-file.js';
import type { AccessLog } from './access-log.js';
import { COMBINED, type Format } from './format.js';

export function checkLogs(block: CheckedBlock, c: CheckContext): void {
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
  const define = { help: `define it: log_format ${format.text} '...';` };
  c.report(format, 'invalid-reference', `unknown log format "${format.text}"`, nearWord(format, [...known]) ?? define);
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

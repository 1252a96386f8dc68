/** Checks across all logs of a configuration. */
import type { Statement, Word } from '../../../grammar/syntax-tree.js';
import { nearWord } from '../../config/argument-types.js';
import type { CheckedBlock, CheckedConfig } from '../../config/checked-config.js';
import type { CheckContext } from '../../config/module-declaration.js';
import type { LogBuffer } from '../../logging/access-log-file.js';
import type { AccessLog } from './access-log.js';
import { COMBINED, type Format, PREDEFINED } from './format.js';

/** Directives that write to files in the same way. */
const LOGS = ['access_log', 'websocket_log'] as const;
type LogDirective = (typeof LOGS)[number];

export function checkLogs(block: CheckedBlock, c: CheckContext): void {
  const firstByName = new Map<string, Word>();
  for (const { args } of c.statements('log_format')) {
    const [name] = args;
    if (name === undefined) continue;
    const earlier = firstByName.get(name.text);
    if (earlier !== undefined || name.text === COMBINED) {
      c.report(name, 'duplicate-definition', `duplicate "log_format" name "${name.text}"`, {
        ...(earlier === undefined
          ? { help: '"combined" is predefined' }
          : { related: [{ at: earlier, message: 'first defined here' }] }),
      });
    }
    firstByName.set(name.text, name);
  }
  const known = new Set(PREDEFINED);
  for (const http of c.all('http')) {
    for (const { name } of (http.values.log_format as readonly Format[] | undefined) ?? [])
      known.add(name.toLowerCase());
  }
  for (const directive of LOGS) {
    for (const statement of c.statements(directive)) checkFormat(statement, known, c);
    checkBuffers(directive, block, c);
  }
}

function checkFormat({ args }: Statement, known: ReadonlySet<string>, c: CheckContext): void {
  const [target, format] = args;
  if (format === undefined || target?.text === 'off' || known.has(format.text.toLowerCase())) return;
  const define = { help: `define it: log_format ${format.text} '...';` };
  c.report(format, 'invalid-reference', `unknown log format "${format.text}"`, nearWord(format, [...known]) ?? define);
}

/** Checks that all logs to one file agree in their buffer. */
function checkBuffers(directive: LogDirective, block: CheckedBlock, c: CheckContext): void {
  if (!block.own.includes(directive)) return;
  const buffersByPath = firstBuffers(c);
  for (const log of logsOf(directive, block)) {
    if (log.off || typeof log.path !== 'string' || log.buffer.size === 0) continue;
    const { path, buffer } = log;
    const other = buffersByPath.get(path) ?? buffer;
    if (other.size === buffer.size && other.flush === buffer.flush && other.gzip === buffer.gzip) continue;
    const [word] = c.statements(directive).findLast(({ args }) => args[0] && path.endsWith(args[0].text))?.args ?? [];
    if (word === undefined) continue;
    c.report(
      word,
      'conflicting-directives',
      `${directive} "${word.text}" already defined with conflicting parameters`,
      {
        help: 'logs to one file must agree in buffer, flush and gzip',
      },
    );
  }
}

const firstBuffersOf = new WeakMap<CheckedConfig, Map<string, LogBuffer>>();

/** Buffer of the first log of each file. */
function firstBuffers(c: CheckContext): ReadonlyMap<string, LogBuffer> {
  const known = firstBuffersOf.get(c.config);
  if (known !== undefined) return known;
  const buffers = new Map<string, LogBuffer>();
  for (const block of ['http', 'server', 'location', 'if', 'limit_except'].flatMap((opener) => c.all(opener))) {
    for (const log of LOGS.flatMap((directive) => (block.own.includes(directive) ? logsOf(directive, block) : []))) {
      if (log.off || typeof log.path !== 'string' || log.buffer.size === 0 || buffers.has(log.path)) continue;
      buffers.set(log.path, log.buffer);
    }
  }
  firstBuffersOf.set(c.config, buffers);
  return buffers;
}

function logsOf(directive: LogDirective, block: CheckedBlock): readonly AccessLog[] {
  return (block.values[directive] as readonly AccessLog[] | undefined) ?? [];
}

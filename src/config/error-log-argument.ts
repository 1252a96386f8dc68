/** Arguments of `error_log`, which main and http declare separately. */
import type { Word } from '../../grammar/syntax-tree.js';
import { isOneSlip, nearest } from '../diagnostics/nearest.js';
import { custom } from './argument-types.js';
import type { ArgumentContext, ArgumentType } from './directive.js';
import { LEVELS, type Level } from './log-level.js';
import { isSyslog, parseSyslog, type SyslogData } from './syslog-argument.js';
import { parseSize } from './units.js';

/** An `error_log` directive. Plain data. */
export interface ErrorLogData {
  /** Absolute path (byte string), or `stderr`; for syslog and memory, the text as written. */
  readonly destination: string;
  readonly level: Level;
  readonly syslog?: SyslogData;
  /** Size of a memory log, bytes. */
  readonly memory?: number;
}

/** Minimum size of a memory log, bytes: nginx requires space for its longest message. */
const MIN_MEMORY = 4096;

/** nginx's names for parts of the debug level, which are one level here. */
const DEBUG_PARTS = new Set([
  'debug_core',
  'debug_alloc',
  'debug_mutex',
  'debug_event',
  'debug_http',
  'debug_mail',
  'debug_stream',
]);

export const errorLogArgument: ArgumentType<ErrorLogData> = custom(
  'file | stderr | syslog:server=address[,parameter=value] | memory:size [level]',
  1,
  Number.POSITIVE_INFINITY,
  (words, c) => {
    const [target, ...levels] = words as [Word, ...Word[]]; // at least one word: `min`
    const { text } = target;
    if (isSyslog(target)) {
      return { destination: text, syslog: parseSyslog(target, c), level: levelOf(levels, c) };
    }
    if (text.startsWith('memory:')) {
      const memory = parseSize(text.slice('memory:'.length));
      if (memory === null || memory < MIN_MEMORY) {
        const size = text.slice('memory:'.length);
        return c.fail(target, 'invalid-value', `invalid buffer size "${size}"`, {
          help: 'the size must be at least 4k: memory:32m',
        });
      }
      return { destination: text, memory, level: levelOf(levels, c) };
    }
    return { destination: text === 'stderr' ? text : c.path(text, 'prefix'), level: levelOf(levels, c) };
  },
);

function levelOf(words: readonly Word[], c: ArgumentContext): Level {
  let level: Level | null = null;
  for (const word of words) {
    const found = DEBUG_PARTS.has(word.text) ? 'debug' : LEVELS.find((each) => each === word.text);
    if (found === undefined) {
      const [near] = nearest(word.text, LEVELS);
      return c.fail(word, 'invalid-value', `invalid log level "${word.text}"`, {
        help: near === undefined ? `it must be one of: ${LEVELS.join(', ')}` : `did you mean "${near}"?`,
        ...(near !== undefined && {
          fix: {
            title: `write ${near}`,
            guess: !isOneSlip(word.text, near, LEVELS),
            edits: [{ at: word, text: near }],
          },
        }),
      });
    }
    if (level !== null && !(level === 'debug' && found === 'debug')) {
      c.fail(word, 'duplicate-value', `duplicate log level "${word.text}"`);
    }
    level = found;
  }
  return level ?? 'error';
}

/** The arguments of `error_log`, which main and http have each for themselves. */
import type { Word } from '../../grammar/syntax-tree.js';
import { custom } from '../config/argument-types.js';
import type { ArgumentContext, ArgumentType } from '../config/directive.js';
import { nearest } from '../diagnostics/nearest.js';
import { LEVELS, type Level } from './error-log.js';

/** One `error_log`. Plain data. */
export interface ErrorLogData {
  /** Absolute path (bytes), or `stderr`. */
  readonly destination: string;
  readonly level: Level;
}

/** nginx's names for parts of the debug level; they are one level here. */
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
  'file | stderr [level]',
  1,
  Number.POSITIVE_INFINITY,
  (words, c) => {
    const [target, ...levels] = words as [Word, ...Word[]]; // at least one word: `min`
    const { text } = target;
    if (text.startsWith('syslog:') || text.startsWith('memory:')) {
      c.fail(target, 'nginx-only-directive', `error_log to ${text.slice(0, 6)} is not supported`, {
        help: 'log to a file, or to stderr and let the service manager pass it on',
      });
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
        ...(near !== undefined && { fix: { title: `write ${near}`, edits: [{ at: word, text: near }] } }),
      });
    }
    if (level !== null && !(level === 'debug' && found === 'debug')) {
      c.fail(word, 'duplicate-value', `duplicate log level "${word.text}"`);
    }
    level = found;
  }
  return level ?? 'error';
}

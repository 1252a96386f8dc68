/** `server_name`: the hosts that a server is for. */
import { hostname } from 'node:os';
import type { Word } from '../../../grammar/syntax-tree.js';
import { listOf, word } from '../../config/argument-types.js';
import type { ArgumentContext, Directives } from '../../config/directive.js';
import { parsePattern } from '../../config/pattern.js';
import type { PatternData } from '../../config/template.js';
import { asciiLowerCase } from '../../http/ascii-case.js';

/** One name of a server. Plain data. */
export interface NameData {
  /** In lower case, with its wildcard; of a regular expression the text behind `~`. */
  readonly name: string;
  readonly pattern: PatternData | null;
}

function parseName(w: Word, c: ArgumentContext): NameData {
  const { text } = w;
  if ((text.startsWith('*') && (text.length < 3 || text[1] !== '.')) || text === '.') {
    c.fail(w, 'invalid-value', `server name "${text}" is invalid`, {
      help: 'a "*" stands for the first or the last label of a name: *.example.com, www.example.*',
    });
  }
  if (text.includes('/')) {
    c.report(w, 'invalid-value', `server name "${text}" has suspicious symbols`, {
      severity: 'warning',
      help: 'a server name is a host name, without scheme and path',
    });
  }
  if (text.toLowerCase() === '$hostname') return { name: ownName(), pattern: null };
  if (!text.startsWith('~')) return { name: asciiLowerCase(text), pattern: null };
  if (text === '~') c.fail(w, 'invalid-regex', `empty regex in server name "${text}"`);
  return { name: text.slice(1), pattern: parsePattern(w, c, { from: 1, caseless: hasCapital(text) }) };
}

/**
 * A capital letter stands for itself in the expression. nginx then compares without regard to case; it also counts those
 * in escapes (`\p{N}`, `\Q`), which makes no difference for host names: they come in lower case.
 */
function hasCapital(expression: string): boolean {
  return /[A-Z]/.test(expression.replace(/\\[pP]\{[^}]*\}|\\.|\(\?P/g, ''));
}

/** The name of this machine in lower case. Bytes. */
export function ownName(): string {
  return Buffer.from(hostname(), 'utf8').toString('latin1').toLowerCase();
}

/** What a server is called in logs and redirects: `$server_name`. */
export function firstName(names: readonly NameData[]): string {
  const [first] = names;
  if (first === undefined) return '';
  if (first.pattern !== null) return `~${first.name}`;
  return first.name.startsWith('.') ? first.name.slice(1) : first.name;
}

export const serverNameDirectives = {
  server_name: {
    contexts: ['server'],
    takes: listOf(word('name', parseName)),
    repeat: true,
    inherit: 'none',
    doc: 'The hosts that the server is for, without ports: exact names, names with a wildcard (`*.example.com`, `www.example.*`, and `.example.com` for the name itself and all below it), or regular expressions behind `~`, whose named groups become variables. The empty name is for requests without a host, `$hostname` the name of the machine. An exact name is preferred to a wildcard, that to a regular expression; where none fits, the default server of the address answers.',
    example: 'server_name example.com *.example.com ~^(?<user>.+)\\.example\\.net$;',
  },
} as const satisfies Directives;

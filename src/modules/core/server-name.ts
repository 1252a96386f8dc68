/** `server_name`: host names of a server. */

import { hostname } from 'node:os';
import type { Word } from '../../../grammar/syntax-tree.js';
import { listOf, word } from '../../config/argument-types.js';
import type { ArgumentContext, Directives } from '../../config/directive.js';
import { parsePattern } from '../../config/pattern.js';
import type { PatternData } from '../../config/template.js';
import { toBytes } from '../../diagnostics/byte-string.js';
import { asciiLowerCase } from '../../net/ascii-case.js';

/** One name of a server. Plain data. */
export interface NameData {
  /** In lower case, with its wildcard; for a regular expression, the text after `~`. */
  readonly name: string;
  readonly pattern: PatternData | null;
}

function parseName(w: Word, c: ArgumentContext): NameData {
  const { text } = w;
  if ((text.startsWith('*') && (text.length < 3 || text[1] !== '.')) || text === '.') {
    c.fail(w, 'invalid-value', `server name "${text}" is invalid`, {
      help: 'only the first or the last label of a name may be "*": *.example.com, www.example.*',
    });
  }
  if (text.includes('/')) {
    c.report(w, 'invalid-value', `server name "${text}" has suspicious symbols`, {
      severity: 'warning',
      help: 'a server name is a host name without scheme and path',
    });
  }
  if (text.toLowerCase() === '$hostname') return { name: localHostName(), pattern: null };
  if (!text.startsWith('~')) return { name: asciiLowerCase(text), pattern: null };
  if (text === '~') c.fail(w, 'invalid-regex', `empty regex in server name "${text}"`);
  return { name: text.slice(1), pattern: parsePattern(w, c, { from: 1, caseless: hasCapital(text) }) };
}

/**
 * Whether the expression contains a capital letter. nginx then matches case-insensitively; it also counts capitals in
 * escapes (`\p{N}`, `\Q`), which makes no difference for host names, because they are in lower case.
 */
function hasCapital(expression: string): boolean {
  return /[A-Z]/.test(expression.replace(/\\[pP]\{[^}]*\}|\\.|\(\?P/g, ''));
}

/** Host name of this machine in lower case, as a byte string. */
export function localHostName(): string {
  return toBytes(hostname()).toLowerCase();
}

/** Name of a server in logs and redirects: `$server_name`. */
export function displayName(names: readonly NameData[]): string {
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
    doc: 'Host names of the server, without ports: exact names, names with a wildcard (`*.example.com`, `www.example.*`, and `.example.com` for the name itself and all subdomains), or regular expressions after `~`, whose named groups become variables. The empty name matches requests without a host, `$hostname` is the name of the machine. Exact names take precedence over wildcards, and wildcards over regular expressions; if no name matches, the default server of the address is used.',
    example: 'server_name example.com *.example.com ~^(?<user>.+)\\.example\\.net$;',
  },
} as const satisfies Directives;

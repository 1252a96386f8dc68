/** Pass directives of locations, such as `proxy_pass`. */
import type { Statement, Word } from '../../../grammar/syntax-tree.js';
import type { LintContext } from './lint.js';
import { oncePerConfig } from './once-per-config.js';
import type { Scope } from './scope.js';
import { assignedFor } from './values.js';
import { piecesOf } from './variables.js';

const PASSES = ['proxy_pass', 'grpc_pass', 'fastcgi_pass', 'uwsgi_pass', 'scgi_pass', 'memcached_pass'];

export interface Pass {
  readonly scope: Scope;
  readonly statement: Statement;
  readonly word: Word;
  /** Host with port as written, without scheme and URI. */
  readonly authority: string;
  /** The host alone. */
  readonly host: string;
  readonly port: string;
  /** URI part; empty if there is none. */
  readonly uri: string;
}

const allPasses = oncePerConfig(({ main }: Scope): readonly Pass[] => {
  const found: Pass[] = [];
  for (const name of PASSES) {
    for (const { scope, statement } of main.written(name)) {
      const pass = create(scope, statement);
      if (pass !== null) found.push(pass);
    }
  }
  return found;
});

const byScope = oncePerConfig(({ main }: Scope): ReadonlyMap<Scope, readonly Pass[]> => {
  const found = new Map<Scope, Pass[]>();
  for (const pass of allPasses(main)) {
    const others = found.get(pass.scope);
    if (others === undefined) found.set(pass.scope, [pass]);
    else others.push(pass);
  }
  return found;
});

/** Pass directives in locations and `if` blocks, without those in `limit_except`. */
export const passesOfLocations = oncePerConfig(({ main }: { readonly main: Scope }): readonly Pass[] =>
  allPasses(main).filter(({ scope: { kind } }) => kind === 'location' || kind === 'if'),
);

const NONE: readonly Pass[] = [];

/** Pass directives directly in a block. */
export function passesOf(scope: Scope): readonly Pass[] {
  return byScope(scope).get(scope) ?? NONE;
}

function create(scope: Scope, statement: Statement): Pass | null {
  const [word] = statement.args;
  return word === undefined ? null : split(scope, statement, word, word.text);
}

function split(scope: Scope, statement: Statement, word: Word, text: string): Pass {
  const rest = text.replace(/^(?:[a-z]+|\$\w+|\$\{\w+\}):\/\//i, '');
  if (rest.startsWith('unix:')) return { scope, statement, word, authority: rest, host: '', port: '', uri: '' };
  const cut = rest.search(
    rest.includes('$')
      ? /[/?]|(?<=[\w}])\$(?:\{(?:request_uri|uri|document_uri)\}|(?:request_uri|uri|document_uri)\b)/
      : /[/?]/,
  );
  const authority = cut < 0 ? rest : rest.slice(0, cut);
  const colon = authority.lastIndexOf(':');
  const end = colon > authority.lastIndexOf(']') ? colon : authority.length;
  const uri = cut < 0 ? '' : rest.slice(cut);
  return { scope, statement, word, authority, host: authority.slice(0, end), port: authority.slice(end + 1), uri };
}

/**
 * A pass directive with the values of its variables in place of those that have one value only, from one `set`; `word` remains
 * as written.
 */
export function expandedPass(c: LintContext, { scope, statement, word }: Pass): Pass {
  return split(scope, statement, word, expanded(c, scope, word.text, 0));
}

const MAX_DEPTH = 4;

function expanded(c: LintContext, scope: Scope, text: string, depth: number): string {
  if (depth === MAX_DEPTH || !text.includes('$')) return text;
  const pieces = piecesOf(text).map((piece) => {
    if (typeof piece === 'string') return piece;
    const [only, ...others] = assignedFor(c, piece.variable, scope);
    const isSet = only !== undefined && only.scope.kind !== 'entries' && others.length === 0;
    return isSet
      ? expanded(c, only.scope, only.value.text, depth + 1)
      : /^\d$/.test(piece.variable)
        ? `$${piece.variable}`
        : `\${${piece.variable}}`;
  });
  return pieces.join('');
}

/** All pass directives inside a block, including nested blocks. */
export function passesIn(scope: Scope): readonly Pass[] {
  return scope.parent === null ? allPasses(scope) : scope.all().flatMap(passesOf);
}

/** Upstream blocks by name in lower case. */
const upstreams = oncePerConfig(({ main }: Scope): ReadonlyMap<string, Scope> => {
  const all = main.children.flatMap(({ children }) => children.filter(({ kind }) => kind === 'upstream'));
  // The first one with a name wins, as everywhere.
  return new Map(all.reverse().map((scope) => [scope.opener?.args[0]?.text.toLowerCase() ?? '', scope]));
});

/** The `upstream` block with a given name. */
export function upstreamOf(main: Scope, host: string): Scope | undefined {
  return upstreams(main).get(host.toLowerCase());
}

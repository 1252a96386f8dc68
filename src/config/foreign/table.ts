/** Notation of the tables of foreign directives: features of nginx and of well-known modules, by module and effect. */
import type { Context } from '../directive.js';

/** Effect of a directive, and so the consequence of its absence. */
export type Effect =
  /** Affects only speed, size, or what is counted and logged. */
  | 'speed'
  /** Has no effect without another directive, which is in the table itself: settings of `fastcgi_pass`. */
  | 'setting'
  /** Provides variables; blocks that depend on them are closed. */
  | 'variable'
  /** Responses would be different without it. */
  | 'response'
  /** Restricts access, or may do so. */
  | 'access'
  /** Configures something other than HTTP requests: `stream`, `mail`, code that runs when a worker starts. */
  | 'apart';

/**
 * Directives by module and effect, each a list of words: a name, with `=` and the values (separated by `|`) that turn it off
 * (`auth_basic=off`), or with `{` if it takes a block.
 *
 * Names are preceded by the contexts that allow them, one letter each: `m` main, `e` events, `h` http, `s` server, `l`
 * location, `S` if in server, `L` if in location, `x` limit_except, `u` upstream; `-` for none of these (`stream`,
 * `mail`, and the blocks of single modules). Names of unknown contexts are preceded by none.
 */
export type ForeignTable = Readonly<Record<string, { readonly [E in Effect]?: string }>>;

const CONTEXTS: Readonly<Record<string, Context>> = {
  m: 'main',
  e: 'events',
  h: 'http',
  s: 'server',
  l: 'location',
  S: 'if in server',
  L: 'if in location',
  x: 'limit_except',
  u: 'upstream',
};

/** An entry of a table. */
export interface TableEntry {
  readonly name: string;
  readonly module: string;
  readonly effect: Effect;
  /** HTTP contexts that allow it; empty if it belongs elsewhere (`stream`), null if unknown. */
  readonly contexts: readonly Context[] | null;
  /** Values that turn it off. */
  readonly off: readonly string[];
  readonly takesBlock: boolean;
}

export function* entriesOf(table: ForeignTable): Generator<TableEntry> {
  for (const [module, effects] of Object.entries(table)) {
    for (const [effect, text] of Object.entries(effects) as [Effect, string][]) {
      let contexts: readonly Context[] | null = null;
      for (const word of text.trim().split(/\s+/)) {
        if (word.endsWith(':')) {
          contexts = [...word].flatMap((letter) => CONTEXTS[letter] ?? []);
          continue;
        }
        const [, name = '', takesBlock, off] = /^(\w+)(\{)?(?:=(.*))?$/.exec(word) ?? [];
        yield { name, module, effect, contexts, off: off?.split('|') ?? [], takesBlock: takesBlock !== undefined };
      }
    }
  }
}

/** Blocks of a configuration as written, with `include` expanded, including those that the checker rejects. */
import type { Statement } from '../../../grammar/syntax-tree.js';
import type { Expansion } from '../../config/include.js';
import { type LocationWords, locationWords } from './location.js';

/** Kind of a block; `entries` for blocks that contain no directives (`map`, `types`). */
export type ScopeKind =
  | 'main'
  | 'events'
  | 'http'
  | 'server'
  | 'location'
  | 'if'
  | 'limit_except'
  | 'upstream'
  | 'entries';

const KINDS: ReadonlySet<string> = new Set(['events', 'http', 'server', 'location', 'if', 'limit_except', 'upstream']);

/** Maximum nesting; the checker rejects deeper blocks. */
const MAX_DEPTH = 500;

const NONE: readonly Statement[] = [];

/** A directive and the block that contains it. */
export interface Written {
  readonly scope: Scope;
  readonly statement: Statement;
}

/** All blocks of a configuration, and an index of its directives. */
export class Blocks {
  /** In preorder: nested blocks follow the block that contains them. */
  readonly all: Scope[] = [];
  /** Directives by name; entries of blocks of entries do not count. */
  readonly written = new Map<string, Written[]>();
  /** Results of `oncePerConfig`. */
  readonly memo: unknown[] = [];
  /** Directives by name and block, built on first use of a name. */
  private readonly byScope = new Map<string, ReadonlyMap<Scope, readonly Statement[]>>();

  enter(scope: Scope): number {
    if (scope.kind !== 'entries') {
      for (const statement of scope.statements) {
        const others = this.written.get(statement.name.text);
        if (others === undefined) this.written.set(statement.name.text, [{ scope, statement }]);
        else others.push({ scope, statement });
      }
    }
    return this.all.push(scope) - 1;
  }

  in(scope: Scope, name: string): readonly Statement[] {
    return (this.byScope.get(name) ?? this.sort(name)).get(scope) ?? NONE;
  }

  private sort(name: string): ReadonlyMap<Scope, readonly Statement[]> {
    const sorted = new Map<Scope, Statement[]>();
    for (const { scope, statement } of this.written.get(name) ?? []) {
      const others = sorted.get(scope);
      if (others === undefined) sorted.set(scope, [statement]);
      else others.push(statement);
    }
    this.byScope.set(name, sorted);
    return sorted;
  }
}

/** One block. */
export class Scope {
  readonly children: Scope[] = [];
  /** Index among all blocks. */
  private readonly at: number;
  private foundLocation: LocationWords | null | undefined;

  constructor(
    readonly kind: ScopeKind,
    /** The statement that opened it; null for `main`. */
    readonly opener: Statement | null,
    readonly parent: Scope | null,
    /** In the order written. */
    readonly statements: readonly Statement[],
    private readonly blocks: Blocks,
  ) {
    this.at = blocks.enter(this);
  }

  /** The name of the directive that opened it; empty for `main`. */
  get directive(): string {
    return this.opener?.name.text ?? '';
  }

  /** Arguments of a `location`; null for other blocks. */
  get location(): LocationWords | null {
    if (this.foundLocation === undefined) {
      const { kind, opener } = this;
      this.foundLocation = kind !== 'location' || opener === null ? null : locationWords(opener);
    }
    return this.foundLocation;
  }

  /** Directives with a given name directly in this block. */
  own(name: string): readonly Statement[] {
    if (this.kind === 'entries') return this.statements.filter((statement) => statement.name.text === name);
    return this.blocks.in(this, name);
  }

  /** The outermost block of the configuration. */
  get main(): Scope {
    return this.blocks.all[0] ?? this;
  }

  /** Memoized results for the whole configuration, for `oncePerConfig`. */
  get memo(): unknown[] {
    return this.blocks.memo;
  }

  /** All occurrences of a directive in the whole configuration, in the order of the blocks. */
  written(name: string): readonly Written[] {
    return this.blocks.written.get(name) ?? [];
  }

  /** The names of all directives of the whole configuration. */
  directives(): Iterable<string> {
    return this.blocks.written.keys();
  }

  /** Names of the directives directly in this block, each once. */
  names(): Iterable<string> {
    return new Set(this.statements.map(({ name }) => name.text));
  }

  /** Arguments of the first directive with that name directly in this block. */
  words(name: string): readonly string[] | undefined {
    return this.own(name)[0]?.args.map(({ text }) => text);
  }

  /** The nearest block, this one or an enclosing one, with the directive: nginx's usual inheritance. */
  holder(name: string): Scope | null {
    for (let scope: Scope | null = this; scope !== null; scope = scope.parent) {
      if (scope.own(name).length > 0) return scope;
    }
    return null;
  }

  /** Directives with that name in effect here, written here or inherited. */
  effective(name: string): readonly Statement[] {
    return this.holder(name)?.own(name) ?? NONE;
  }

  /** First argument of the directive in effect here. */
  value(name: string): string | undefined {
    return this.effective(name)[0]?.args[0]?.text;
  }

  /** The nearest block of that kind: this one or an enclosing one. */
  within(kind: ScopeKind): Scope | null {
    for (let scope: Scope | null = this; scope !== null; scope = scope.parent) {
      if (scope.kind === kind) return scope;
    }
    return null;
  }

  /** This block and all nested blocks, in preorder. */
  all(): readonly Scope[] {
    if (this.parent === null) return this.blocks.all;
    let last: Scope = this;
    for (let child = last.children.at(-1); child !== undefined; child = last.children.at(-1)) last = child;
    return this.blocks.all.slice(this.at, last.at + 1);
  }
}

/** The location around a block (an `if`, a `limit_except`), or the block itself. */
export function enclosingLocation(scope: Scope): LocationWords | null {
  return scope.within('location')?.location ?? null;
}

/** Title of a location in messages: `location /x`. */
export function titleOf(scope: Scope): string {
  const words = scope.opener?.args.map(({ text }) => text) ?? [];
  return [scope.directive, ...words].join(' ');
}

/** Builds the blocks of a configuration without `stream` and `mail`. */
export function scopesOf(expansion: Expansion): Scope {
  const blocks = new Blocks();
  const main = new Scope('main', null, null, expansion.statements, blocks);
  fill(main, expansion, 0, blocks);
  return main;
}

function fill(scope: Scope, expansion: Expansion, depth: number, blocks: Blocks): void {
  for (const statement of scope.statements) {
    const { block, name } = statement;
    if (block === null || name.text === 'stream' || name.text === 'mail' || depth > MAX_DEPTH) continue;
    const kind = KINDS.has(name.text) ? (name.text as ScopeKind) : 'entries';
    const child = new Scope(kind, statement, scope, expansion.inside(block), blocks);
    scope.children.push(child);
    if (kind !== 'entries') fill(child, expansion, depth + 1, blocks);
  }
}

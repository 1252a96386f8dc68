/** The blocks of a configuration as they are written, `include` expanded: also those that the checker refuses. */
import type { Statement } from '../../../grammar/syntax-tree.js';
import type { Expansion } from '../../config/include.js';
import { type LocationWords, locationWords } from './location.js';

/** What kind of block it is; `entries` for those that hold no directives (`map`, `types`). */
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

/** Deeper blocks are refused by the checker. */
const DEEPEST = 500;

const NONE: readonly Statement[] = [];

/** A directive with the block in which it stands. */
export interface Written {
  readonly scope: Scope;
  readonly statement: Statement;
}

/** All blocks of a configuration, and where each directive is written. */
export class Blocks {
  /** The outer before the inner: those inside of one follow it. */
  readonly all: Scope[] = [];
  /** By name; what stands in blocks of entries is none. */
  readonly written = new Map<string, Written[]>();
  /** See `remembered`. */
  readonly remembered: unknown[] = [];
  /** The same by block, made for a name when it is first asked for. */
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
  /** Where it stands among all blocks. */
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

  /** What a `location` says; null where the block is none. */
  get location(): LocationWords | null {
    if (this.foundLocation === undefined) {
      const { kind, opener } = this;
      this.foundLocation = kind !== 'location' || opener === null ? null : locationWords(opener);
    }
    return this.foundLocation;
  }

  /** The directives of that name in this very block. */
  own(name: string): readonly Statement[] {
    if (this.kind === 'entries') return this.statements.filter((statement) => statement.name.text === name);
    return this.blocks.in(this, name);
  }

  /** The outermost block of the configuration. */
  get main(): Scope {
    return this.blocks.all[0] ?? this;
  }

  /** What was found in the whole configuration once, for `remembered`. */
  get remembered(): unknown[] {
    return this.blocks.remembered;
  }

  /** Where a directive is written in the whole configuration, in the order of the blocks. */
  written(name: string): readonly Written[] {
    return this.blocks.written.get(name) ?? [];
  }

  /** The names of all directives of the whole configuration. */
  directives(): Iterable<string> {
    return this.blocks.written.keys();
  }

  /** The names of the directives in this very block, each once. */
  names(): Iterable<string> {
    return new Set(this.statements.map(({ name }) => name.text));
  }

  /** The words of the first directive of that name in this very block. */
  words(name: string): readonly string[] | undefined {
    return this.own(name)[0]?.args.map(({ text }) => text);
  }

  /** The innermost block from here outwards that has the directive: nginx's usual rule of inheritance. */
  holder(name: string): Scope | null {
    for (let scope: Scope | null = this; scope !== null; scope = scope.parent) {
      if (scope.own(name).length > 0) return scope;
    }
    return null;
  }

  /** The directives of that name that hold here, written here or inherited. */
  effective(name: string): readonly Statement[] {
    return this.holder(name)?.own(name) ?? NONE;
  }

  /** The first word of the directive that holds here. */
  value(name: string): string | undefined {
    return this.effective(name)[0]?.args[0]?.text;
  }

  /** The innermost block of that kind around this one, or this one itself. */
  within(kind: ScopeKind): Scope | null {
    for (let scope: Scope | null = this; scope !== null; scope = scope.parent) {
      if (scope.kind === kind) return scope;
    }
    return null;
  }

  /** This block and all inside, the outer before the inner. */
  all(): readonly Scope[] {
    if (this.parent === null) return this.blocks.all;
    let last: Scope = this;
    for (let child = last.children.at(-1); child !== undefined; child = last.children.at(-1)) last = child;
    return this.blocks.all.slice(this.at, last.at + 1);
  }
}

/** The blocks of HTTP and what is around them; `stream` and `mail` are left out. */
export function scopesOf(expansion: Expansion): Scope {
  const blocks = new Blocks();
  const main = new Scope('main', null, null, expansion.statements, blocks);
  fill(main, expansion, 0, blocks);
  return main;
}

function fill(scope: Scope, expansion: Expansion, depth: number, blocks: Blocks): void {
  for (const statement of scope.statements) {
    const { block, name } = statement;
    if (block === null || name.text === 'stream' || name.text === 'mail' || depth > DEEPEST) continue;
    const kind = KINDS.has(name.text) ? (name.text as ScopeKind) : 'entries';
    const child = new Scope(kind, statement, scope, expansion.inside(block), blocks);
    scope.children.push(child);
    if (kind !== 'entries') fill(child, expansion, depth + 1, blocks);
  }
}

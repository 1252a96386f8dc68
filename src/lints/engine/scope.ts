/** The blocks of a configuration as they are written, `include` expanded: also those that the checker refuses. */
import type { Statement } from '../../../grammar/syntax-tree.js';
import type { Expansion } from '../../config/include.js';

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

/** One block. */
export class Scope {
  readonly children: Scope[] = [];
  private readonly byName = new Map<string, Statement[]>();

  constructor(
    readonly kind: ScopeKind,
    /** The statement that opened it; null for `main`. */
    readonly opener: Statement | null,
    readonly parent: Scope | null,
    /** In the order written. */
    readonly statements: readonly Statement[],
  ) {
    for (const statement of statements) {
      const others = this.byName.get(statement.name.text);
      if (others === undefined) this.byName.set(statement.name.text, [statement]);
      else others.push(statement);
    }
  }

  /** The name of the directive that opened it; empty for `main`. */
  get directive(): string {
    return this.opener?.name.text ?? '';
  }

  /** The directives of that name in this very block. */
  own(name: string): readonly Statement[] {
    return this.byName.get(name) ?? [];
  }

  /** The names of the directives in this very block, each once. */
  names(): Iterable<string> {
    return this.byName.keys();
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
    return this.holder(name)?.own(name) ?? [];
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
  *all(): Generator<Scope> {
    yield this;
    for (const child of this.children) yield* child.all();
  }
}

/** The blocks of HTTP and what is around them; `stream` and `mail` are left out. */
export function scopesOf(expansion: Expansion): Scope {
  const main = new Scope('main', null, null, expansion.statements);
  fill(main, expansion, 0);
  return main;
}

function fill(scope: Scope, expansion: Expansion, depth: number): void {
  for (const statement of scope.statements) {
    const { block, name } = statement;
    if (block === null || name.text === 'stream' || name.text === 'mail' || depth > DEEPEST) continue;
    const kind = KINDS.has(name.text) ? (name.text as ScopeKind) : 'entries';
    const child = new Scope(kind, statement, scope, expansion.inside(block));
    scope.children.push(child);
    if (kind !== 'entries') fill(child, expansion, depth + 1);
  }
}

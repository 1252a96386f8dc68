/** All names of a configuration, with their definitions and references. */
import type { Span } from '../../../grammar/syntax-tree.js';
import type { CheckResult } from '../../config/check.js';
import type { Scope } from '../../lints/engine/scope.js';
import { namesIn } from './directive-names.js';
import type { Mention, NameKind } from './mention.js';
import { upstreamReferences } from './upstream-names.js';
import { variablesOf } from './variable-names.js';

export class NameIndex {
  /** All mentions in the order of the blocks; each place once, even if its file is included several times. */
  readonly all: readonly Mention[];
  private readonly byPath = new Map<string, Mention[]>();
  private readonly byName = new Map<string, Mention[]>();

  constructor(main: Scope | null, { defines }: Pick<CheckResult, 'defines'>) {
    const seen = new Set<string>();
    const all: Mention[] = [];
    for (const mention of main === null ? [] : mentionsIn(main, definitionsIn(defines))) {
      const key = `${mention.at.source.name} ${mention.at.start}`;
      if (seen.size === seen.add(key).size) continue;
      all.push(mention);
      append(this.byPath, mention.at.source.name, mention);
      append(this.byName, keyOf(mention), mention);
    }
    this.all = all;
  }

  /** The name at an offset of a file, also directly after it. */
  at(path: string, offset: number): Mention | undefined {
    const near = this.byPath.get(path)?.filter(({ at }) => at.start <= offset && offset <= at.end) ?? [];
    return near.find(({ at }) => offset < at.end) ?? near[0];
  }

  /** Occurrences of the same name, in the order of the blocks. */
  same(mention: Pick<Mention, 'kind' | 'name' | 'server'>): readonly Mention[] {
    const { server } = mention;
    const all = this.byName.get(keyOf(mention)) ?? [];
    // `error_page … @name` of an outer block applies in each of the servers.
    return server === null ? all : all.filter((each) => each.server === null || each.server === server);
  }

  definitions(mention: Pick<Mention, 'kind' | 'name' | 'server'>): readonly Mention[] {
    return this.same(mention).filter(({ defines }) => defines);
  }

  /** Names of a kind that are defined, in their first spelling. */
  defined(kind: NameKind): readonly Mention[] {
    const first = new Map<string, Mention>();
    for (const mention of this.all) {
      if (mention.kind === kind && mention.defines && !first.has(mention.name)) first.set(mention.name, mention);
    }
    return [...first.values()];
  }
}

/** A name as written. */
export function spellingOf({ at }: Pick<Mention, 'at'>): string {
  return at.source.text.slice(at.start, at.end);
}

/** Definitions of variables that the check has found, by file and start of their word. */
type Definitions = ReadonlySet<string>;

function definitionsIn(defines: CheckResult['defines']): Definitions {
  return new Set(defines.map(({ name, at }) => definitionKey(name, at)));
}

function definitionKey(name: string, { source, start }: Span): string {
  return `${source.name} ${start} ${name}`;
}

function* mentionsIn(main: Scope, checked: Definitions): Generator<Mention> {
  const upstreams = new Set<string>();
  for (const scope of main.all()) {
    for (const statement of scope.statements) {
      if (statement.block?.foreign !== undefined) continue;
      if (scope.kind !== 'entries') {
        for (const mention of namesIn(scope, statement)) {
          if (mention.kind === 'upstream') upstreams.add(mention.name);
          yield mention;
        }
      }
      for (const mention of variablesOf(scope, statement)) yield asChecked(mention, checked);
    }
  }
  yield* upstreamReferences(main, upstreams);
}

/** Marks a variable as defined if the check found its definition, because its directive has its own syntax for it. */
function asChecked(mention: Mention, checked: Definitions): Mention {
  if (mention.defines || checked.size === 0) return mention;
  const word = mention.statement.args.find(({ start, end }) => start <= mention.at.start && mention.at.end <= end);
  const isDefinition = word?.text.startsWith('$') === true && checked.has(definitionKey(mention.name, word));
  return isDefinition ? { ...mention, defines: true } : mention;
}

function keyOf({ kind, name }: Pick<Mention, 'kind' | 'name'>): string {
  return `${kind} ${name}`;
}

function append(into: Map<string, Mention[]>, key: string, mention: Mention): void {
  const others = into.get(key);
  if (others === undefined) into.set(key, [mention]);
  else others.push(mention);
}

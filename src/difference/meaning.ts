/**
 * Meaning of a block: its effective directives, its steps, and everything it refers to, each as a text. Two blocks are
 * equivalent if all texts are equal, however they were written.
 */
import type { Catalogue } from '../config/catalogue.js';
import type { CheckedBlock, CheckedConfig, CheckedStep } from '../config/checked-config.js';
import { defaultOf } from '../config/default-value.js';
import type { Context, DirectiveSpec, Links } from '../config/directive.js';
import type { ModuleDeclaration } from '../config/module-declaration.js';
import type { Place } from '../config/place.js';
import { canonical, groupsIn, variablesIn } from './canonical.js';

/** Texts by the name of a directive, or by the label of a referenced entry (`map $x`, `upstream app`). */
export type Texts = ReadonlyMap<string, string>;

export interface Meaning {
  /** The directives that differ from their defaults. */
  readonly directives: Texts;
  /** The directives that are executed in order. */
  readonly steps: readonly { readonly directive: string; readonly text: string }[];
  /** Referenced entries that are defined elsewhere. */
  readonly references: Texts;
}

/** One entry of a directive of http that others can refer to. */
export interface NamedEntry {
  readonly directive: string;
  /** `$x`, `zone x`, `format x`, `upstream x`. */
  readonly name: string;
  readonly text: string;
  readonly refers: readonly string[];
  /** The block of an upstream; null for other entries, which are in http. */
  readonly block: CheckedBlock | null;
  readonly at: Place | null;
}

/** Directives whose values are the places of other blocks, or are compared as addresses and names. */
const STRUCTURE: ReadonlySet<string> = new Set([
  'http',
  'server',
  'location',
  'upstream',
  'events',
  'listen',
  'server_name',
]);
const ANY_UPSTREAM = 'upstream *';

type Holds = NonNullable<ModuleDeclaration['holds']>;

export class Meanings {
  readonly named = new Map<string, NamedEntry>();
  /** Texts of the named entries by label. */
  readonly labelled = new Map<string, string>();
  private readonly cache = new Map<CheckedBlock, Meaning>();
  private readonly holding: readonly Holds[];
  private readonly specs = new Map<Context, Map<string, DirectiveSpec | null>>();
  private readonly defaults = new Map<DirectiveSpec, string>();
  private readonly definedIn = new Map<CheckedBlock, ReadonlyMap<string, NamedEntry>>();

  constructor(
    private readonly config: CheckedConfig,
    private readonly catalogue: Catalogue,
  ) {
    this.holding = this.holdingModules();
    for (const http of config.blocks.filter(({ context }) => context === 'http')) {
      this.nameEntries(http);
      for (const block of http.blocks) if (block.context === 'upstream') this.nameUpstream(block);
    }
    for (const entry of this.named.values()) this.labelled.set(labelOf(entry), entry.text);
  }

  /**
   * Labels of the references that differ between two sides. A reference of only one side differs unless both
   * configurations have the same entry.
   */
  static unequal(one: Meanings, a: Texts, other: Meanings, b: Texts): string[] {
    return [...new Set([...a.keys(), ...b.keys()])].filter(
      (label) => (a.get(label) ?? one.labelled.get(label)) !== (b.get(label) ?? other.labelled.get(label)),
    );
  }

  /** Collects the named entries of http's directives. */
  private nameEntries(http: CheckedBlock): void {
    for (const [directive, values] of Object.entries(http.values)) {
      const spec = this.catalogue.find(directive, 'http');
      if (spec?.spec.links === undefined || !Array.isArray(values)) continue;
      for (const [i, value] of (values as unknown[]).entries()) {
        const links = spec.spec.links(value);
        if (links.name !== undefined) this.enter(directive, links, value, http.places?.[directive]?.[i] ?? null);
      }
    }
  }

  private enter(directive: string, links: Links, value: unknown, at: Place | null): void {
    const { name = '', refers = [], meaning = value } = links;
    const all = [...refers, ...variablesIn(value).map((each) => `$${each}`)].filter((each) => each !== name);
    this.named.set(name, { directive, name, text: canonical(meaning), refers: all, block: null, at });
  }

  private nameUpstream(block: CheckedBlock): void {
    const name = `upstream ${String(block.argument).toLowerCase()}`;
    const { directives, references } = this.inner(block);
    const text = JSON.stringify([[...directives], [...references.keys()]]);
    this.named.set(name, { directive: 'upstream', name, text, refers: [...references.keys()], block, at: block.at });
  }

  /** Declaration of the directive in that context; undefined if it has none there or has no effect. */
  spec(directive: string, context: Context): DirectiveSpec | undefined {
    let specs = this.specs.get(context);
    if (specs === undefined) this.specs.set(context, (specs = new Map()));
    let spec = specs.get(directive);
    if (spec === undefined) specs.set(directive, (spec = this.find(directive, context)));
    return spec ?? undefined;
  }

  private find(directive: string, context: Context): DirectiveSpec | null {
    if (STRUCTURE.has(directive) && !(directive === 'server' && context === 'upstream')) return null;
    const spec = this.catalogue.find(directive, context)?.spec;
    return spec === undefined || spec.noEffect !== undefined ? null : spec;
  }

  /** Names to which a block refers. */
  referencesOf(block: CheckedBlock): readonly string[] {
    const names = new Set<string>();
    for (const [name, value] of this.valuesOf(block, this.settings(block))) {
      const spec = this.spec(name, block.context);
      if (spec !== undefined) for (const each of refersIn(spec, value)) names.add(each);
    }
    for (const step of block.steps) {
      const spec = this.catalogue.find(step.directive, block.context)?.spec;
      for (const each of refersIn(spec, step.value)) names.add(each);
      if (step.block !== null) for (const each of this.referencesOf(step.block)) names.add(each);
    }
    for (const inner of block.blocks) {
      if (inner.context === 'limit_except') for (const each of this.referencesOf(inner)) names.add(each);
    }
    return [...names];
  }

  /**
   * Meaning of a location, of a server's own level, or of http. `around`: the enclosing blocks, the innermost first.
   */
  of(block: CheckedBlock, around: readonly CheckedBlock[]): Meaning {
    let meaning = this.cache.get(block);
    if (meaning === undefined) {
      const { directives, steps, references } = this.inner(block);
      const server = [block, ...around].find(({ context }) => context === 'server') ?? null;
      meaning = { directives, steps, references: this.resolve(references.keys(), server) };
      this.cache.set(block, meaning);
    }
    return meaning;
  }

  /** Meaning of a block with unresolved references. */
  private inner(block: CheckedBlock): Meaning {
    const directives = new Map<string, string>();
    const references = new Map<string, string>();
    const held = this.settings(block);
    for (const [directive, value] of this.valuesOf(block, held)) {
      const spec = this.spec(directive, block.context);
      if (spec === undefined) continue;
      const text = canonical(held.has(directive) ? value : meaningOf(spec, value));
      if (text === this.defaultText(directive, spec)) continue;
      directives.set(directive, text);
      for (const name of refersIn(spec, value)) references.set(name, '');
    }
    if (block.closed !== undefined) directives.set('allow_unsupported', canonical(block.closed.feature));
    const steps = block.steps
      .filter(({ directive }) => !held.has(directive))
      .map((step) => ({ directive: step.directive, text: this.stepText(step, block, directives, references) }));
    for (const inner of block.blocks) {
      if (inner.context === 'limit_except') {
        const text = this.nestedText(inner, directives, references);
        directives.set('limit_except', canonical([[...(inner.argument as readonly string[])].sort(), text]));
      }
    }
    return { directives, steps, references };
  }

  private valuesOf(block: CheckedBlock, held: ReadonlyMap<string, unknown>): Iterable<[string, unknown]> {
    const values = Object.entries(block.values);
    return held.size === 0 ? values : new Map([...values, ...held]);
  }

  /** Effective settings of a block that its values do not show. */
  settings(block: CheckedBlock): ReadonlyMap<string, unknown> {
    const held = new Map<string, unknown>();
    for (const holds of this.holding) {
      for (const [directive, value] of Object.entries(holds(block, this.config))) held.set(directive, value);
    }
    return held;
  }

  /** The modules that provide such settings, restricted to those with directives in the configuration. */
  private holdingModules(): Holds[] {
    const written = new Set<string>();
    const look = (block: CheckedBlock): void => {
      for (const name of block.own) written.add(name);
      for (const inner of block.blocks) look(inner);
      for (const step of block.steps) if (step.block !== null) look(step.block);
    };
    look(this.config);
    return this.catalogue.modules.flatMap((module) =>
      module.holds !== undefined && Object.keys(module.directives).some((name) => written.has(name))
        ? [module.holds.bind(module)]
        : [],
    );
  }

  private stepText(
    { directive, value, block }: CheckedStep,
    around: CheckedBlock,
    outer: Texts,
    references: Map<string, string>,
  ): string {
    const spec = this.catalogue.find(directive, around.context)?.spec;
    for (const name of refersIn(spec, value)) references.set(name, '');
    return canonical([value, block === null ? null : this.nestedText(block, outer, references)]);
  }

  /** Directives and steps of a nameless block (`if`, `limit_except`) that differ from the enclosing block's. */
  private nestedText(block: CheckedBlock, outer: Texts, references: Map<string, string>): string {
    const inner = this.inner(block);
    for (const name of inner.references.keys()) references.set(name, '');
    const own = block.own
      .map((name) => [name, inner.directives.get(name) ?? ''] as const)
      .filter(([name, text]) => text !== (outer.get(name) ?? '') && this.spec(name, block.context) !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return JSON.stringify([own, inner.steps.map(({ directive, text }) => [directive, text])]);
  }

  /** All entries reachable from the names. */
  resolve(names: Iterable<string>, server: CheckedBlock | null): Texts {
    const texts = new Map<string, string>();
    const left = [...names];
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      const entries =
        name === ANY_UPSTREAM
          ? [...this.named.values()].filter(({ directive }) => directive === 'upstream')
          : [this.named.get(name), server === null ? undefined : this.definitions(server).get(name)];
      for (const entry of entries) {
        if (entry === undefined) continue;
        const label = labelOf(entry);
        if (texts.has(label)) continue;
        texts.set(label, entry.text);
        left.push(...entry.refers);
      }
    }
    return texts;
  }

  /** Variables to which a server's own steps and names assign a value, each with its source. */
  private definitions(server: CheckedBlock): ReadonlyMap<string, NamedEntry> {
    let found = this.definedIn.get(server);
    if (found === undefined) {
      const map = new Map<string, NamedEntry>();
      for (const name of groupsIn(server.values.server_name)) {
        define(map, `$${name}`, 'server_name', canonical(server.values.server_name), []);
      }
      for (const step of server.steps) {
        const references = new Map<string, string>();
        const text = this.stepText(step, server, new Map(), references);
        for (const name of this.definedBy(step, 'server')) {
          define(
            map,
            name,
            step.directive,
            text,
            [...references.keys()].filter((each) => each !== name),
          );
        }
      }
      this.definedIn.set(server, (found = map));
    }
    return found;
  }

  private definedBy({ directive, value, block }: CheckedStep, context: Context): string[] {
    const name = this.catalogue.find(directive, context)?.spec.links?.(value).name;
    return [
      ...(name === undefined ? [] : [name]),
      ...groupsIn(value).map((group) => `$${group}`),
      ...(block?.steps ?? []).flatMap((step) => this.definedBy(step, 'if in server')),
    ];
  }

  private defaultText(directive: string, spec: DirectiveSpec): string {
    let text = this.defaults.get(spec);
    if (text === undefined) {
      text = canonical(meaningOf(spec, defaultOf(directive, spec)));
      this.defaults.set(spec, text);
    }
    return text;
  }
}

function define(
  map: Map<string, NamedEntry>,
  name: string,
  directive: string,
  text: string,
  refers: readonly string[],
): void {
  const before = map.get(name);
  map.set(name, {
    directive,
    name,
    text: before === undefined ? text : before.text + text,
    refers: [...(before?.refers ?? []), ...refers],
    block: null,
    at: null,
  });
}

/** Label of an entry: `map $x`, `upstream app`, `log_format main`. */
export function labelOf({ directive, name }: Pick<NamedEntry, 'directive' | 'name'>): string {
  return `${directive} ${name.startsWith('$') ? name : name.slice(name.indexOf(' ') + 1)}`;
}

function linksOf(spec: DirectiveSpec | undefined, value: unknown): readonly Links[] {
  if (spec?.links === undefined || value === undefined) return [];
  const values: readonly unknown[] =
    spec.repeat === true && spec.step !== true && Array.isArray(value) ? value : [value];
  return values.map((each) => spec.links?.(each) ?? {});
}

function meaningOf(spec: DirectiveSpec, value: unknown): unknown {
  const links = linksOf(spec, value);
  return links.some(({ meaning }) => meaning !== undefined) ? links.map(({ meaning }) => meaning) : value;
}

function refersIn(spec: DirectiveSpec | undefined, value: unknown): string[] {
  return [
    ...linksOf(spec, value).flatMap(({ refers = [] }) => refers),
    ...variablesIn(value).map((variable) => `$${variable}`),
  ];
}

/** Directive values of each module in each block. */
import type { CheckedBlock } from '../config/checked-config.js';
import type { ConfOf, Directives } from '../config/directive.js';
import { defaultsOf } from './defaults.js';
import type { Module } from './module.js';

type Conf = Readonly<Record<string, unknown>>;

/** The last conf created for a module, and its inputs: blocks that inherit all values share it. */
class Latest {
  conf: Conf;
  /** The values of the block, and how many of them belong to the module. */
  values: Conf = {};
  count = 0;
  /** Names found in the current block so far. */
  names: string[] = [];
  same = true;

  constructor(readonly module: Module) {
    this.conf = defaultsOf(module);
  }

  add(name: string, values: Conf): void {
    this.names.push(name);
    this.same &&= name in this.values && this.values[name] === values[name];
  }

  /** Returns the conf of the current block. */
  take(values: Conf): Conf {
    const { names } = this;
    if (!this.same || names.length !== this.count) {
      // Defaults are inherited through the prototype: a copy of seventy values per location would dominate the memory
      // of a large configuration.
      const conf = Object.create(defaultsOf(this.module)) as Record<string, unknown>;
      for (const name of names) conf[name] = values[name];
      this.conf = conf;
      this.values = values;
      this.count = names.length;
    }
    this.names = [];
    this.same = true;
    return this.conf;
  }
}

/** Conf of a module in a block. */
interface Made {
  readonly module: Module;
  readonly conf: Conf;
}

export class Confs {
  /** Modules that declare a directive, by its name. */
  private readonly declarers = new Map<string, Latest[]>();
  private readonly cache = new Map<CheckedBlock, readonly Made[]>();
  /** The last block requested: modules request the same block one after the other. */
  private block: CheckedBlock | null = null;
  private made: readonly Made[] = [];

  constructor(modules: readonly Module[]) {
    for (const module of modules) {
      const latest = new Latest(module);
      for (const name of Object.keys(module.directives)) {
        const others = this.declarers.get(name);
        if (others === undefined) this.declarers.set(name, [latest]);
        else others.push(latest);
      }
    }
  }

  /** Returns the values of a module's directives in a block; values neither set there nor inherited are defaults. */
  of<D extends Directives>(module: Module<D>, block: CheckedBlock): ConfOf<D> {
    const key = module as unknown as Module;
    if (block !== this.block) {
      this.block = block;
      this.made = this.in(block);
    }
    const { made } = this;
    for (let i = 0; i < made.length; i++) {
      const each = made[i] as Made; // `i` is below the length
      if (each.module === key) return each.conf as ConfOf<D>;
    }
    // Most modules have no values in most blocks, and share their defaults.
    return defaultsOf(key) as ConfOf<D>;
  }

  private in(block: CheckedBlock): readonly Made[] {
    let confs = this.cache.get(block);
    if (confs === undefined) this.cache.set(block, (confs = this.madeOf(block.values)));
    return confs;
  }

  private madeOf(values: Conf): readonly Made[] {
    const touched: Latest[] = [];
    for (const name in values) {
      for (const latest of this.declarers.get(name) ?? []) {
        if (latest.names.length === 0) touched.push(latest);
        latest.add(name, values);
      }
    }
    return touched.map((latest) => ({ module: latest.module, conf: latest.take(values) }));
  }

  /** Clears the cache. */
  clear(): void {
    this.cache.clear();
    this.block = null;
    this.made = [];
  }
}

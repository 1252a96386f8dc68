/** What the directives of each module are in each block. */
import type { CheckedBlock } from '../config/checked-config.js';
import type { ConfOf, Directives } from '../config/directive.js';
import { defaultsOf } from './defaults.js';
import type { Module } from './module.js';

type Conf = Readonly<Record<string, unknown>>;

/** The conf that was made last for a module, and what it was made of: blocks that inherit all of it share it. */
class Latest {
  conf: Conf;
  /** The values of the block, and how many of them are the module's. */
  values: Conf = {};
  count = 0;
  /** Those found in the present block so far. */
  names: string[] = [];
  same = true;

  constructor(readonly module: Module) {
    this.conf = defaultsOf(module);
  }

  add(name: string, values: Conf): void {
    this.names.push(name);
    this.same &&= name in this.values && this.values[name] === values[name];
  }

  /** The conf of the present block. */
  take(values: Conf): Conf {
    const { names } = this;
    if (!this.same || names.length !== this.count) {
      // The defaults are behind it: a copy of seventy of them for each location is what a large configuration would be made of.
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

/** What a module has in a block. */
interface Made {
  readonly module: Module;
  readonly conf: Conf;
}

export class Confs {
  /** The modules that declare a directive, by its name. */
  private readonly declarers = new Map<string, Latest[]>();
  private readonly known = new Map<CheckedBlock, readonly Made[]>();
  /** The block that was asked for last: all modules ask for one after the other. */
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

  /** The values of a module's directives in a block; what is not written there or around it has its default. */
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
    // Most modules have nothing in most blocks: those share their defaults.
    return defaultsOf(key) as ConfOf<D>;
  }

  private in(block: CheckedBlock): readonly Made[] {
    let confs = this.known.get(block);
    if (confs === undefined) this.known.set(block, (confs = this.madeOf(block.values)));
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

  /** Lets go of what was asked for. */
  clear(): void {
    this.known.clear();
    this.block = null;
    this.made = [];
  }
}

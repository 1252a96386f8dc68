/** One block while it is being checked: what is written in it, what it inherits, and what it passes on. */
import type { Statement } from '../../grammar/syntax-tree.js';
import type { Declared } from './catalogue.js';
import type { Context } from './directive.js';

/** Effective values by directive, each with its declaration. */
export type Values = ReadonlyMap<string, { readonly declared: Declared; readonly value: unknown }>;

/** A statement that is kept in its place: a step, or one that opens a block of directives. */
export interface Ordered {
  readonly statement: Statement;
  readonly declared: Declared;
  readonly value: unknown;
  readonly step: boolean;
}

const NOTHING: Values = new Map();

export class Level {
  /** The statements by directive, in the order written. */
  readonly written = new Map<string, Statement[]>();
  readonly modules = new Set<string>();
  readonly inOrder: Ordered[] = [];
  /** What goes on into blocks inside, by their context: the same for all of them. */
  private passed: Map<Context, Values> | null = null;
  private readonly own = new Map<string, { readonly declared: Declared; value: unknown }>();

  constructor(
    readonly context: Context,
    private readonly inherited: Values,
    /** The statement that opened the block; null for the outermost. */
    readonly opener: Statement | null = null,
    /** The block around it. */
    readonly outer: Level | null = null,
  ) {}

  /** Notes that a directive is written here; gives the first statement of that directive where it is not the first. */
  write(statement: Statement, { name, module }: Declared): Statement | undefined {
    this.modules.add(module.name);
    const others = this.written.get(name);
    if (others === undefined) {
      this.written.set(name, [statement]);
      return undefined;
    }
    others.push(statement);
    return others[0];
  }

  /** Sets a value; of a `repeat` directive, adds it to the list, and of one that joins, adds its list. */
  set(declared: Declared, value: unknown): void {
    const { name, spec } = declared;
    const list = this.own.get(name)?.value;
    if (spec.repeat !== true) {
      const joins = spec.again === 'joins' && Array.isArray(list) && Array.isArray(value);
      this.own.set(name, { declared, value: joins ? [...list, ...value] : value });
      return;
    }
    if (Array.isArray(list)) {
      list.push(value);
    } else {
      this.own.set(name, { declared, value: [value] });
    }
  }

  /** What holds in this block: what was inherited, overridden or continued by what is written here. */
  values(): Values {
    if (this.own.size === 0) return this.inherited;
    const values = new Map(this.inherited);
    for (const [name, { declared, value }] of this.own) {
      const outer = declared.spec.inherit === 'append' ? this.inherited.get(name)?.value : undefined;
      const joined = Array.isArray(outer) && Array.isArray(value) ? [...outer, ...value] : value;
      values.set(name, { declared, value: joined });
    }
    return values;
  }

  /** What of the values goes on into a block inside. */
  inheritance(values: Values, into: Context): Values {
    if (into === 'upstream' || into === 'events') return NOTHING;
    this.passed ??= new Map();
    let passed = this.passed.get(into);
    if (passed === undefined) this.passed.set(into, (passed = this.passedInto(values, into)));
    return passed;
  }

  private passedInto(values: Values, into: Context): Values {
    const passed = new Map<string, { readonly declared: Declared; readonly value: unknown }>();
    for (const [name, entry] of values) {
      const { inherit, contexts } = entry.declared.spec;
      if (inherit === 'none') continue;
      if (inherit === 'noname' && into !== 'if in location' && into !== 'limit_except') continue;
      // Of main's directives only those that http has too hold there (`error_log`).
      if (this.context === 'main' && inherit !== 'noname' && !contexts.includes(into)) continue;
      passed.set(name, entry);
    }
    return passed;
  }
}

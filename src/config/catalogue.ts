/** Every directive and variable of a set of modules, by name. */
import { Suggestions } from '../diagnostics/nearest.js';
import type { Context, DirectiveSpec } from './directive.js';
import type { ModuleDeclaration } from './module-declaration.js';

/** A directive with the module that declares it. */
export interface Declared {
  readonly name: string;
  readonly module: ModuleDeclaration;
  readonly spec: DirectiveSpec;
}

export class Catalogue {
  /** Suggestions for unknown names. */
  readonly suggestions = new Suggestions();
  private readonly byName = new Map<string, Declared[]>();
  private readonly variables = new Map<string, { readonly changeable: boolean }>();
  private readonly families: string[] = [];
  private listed: readonly string[] | null = null;

  constructor(readonly modules: readonly ModuleDeclaration[]) {
    for (const module of modules) {
      for (const [name, spec] of Object.entries(module.directives)) {
        const declared = { name, module, spec };
        const others = this.byName.get(name);
        if (others === undefined) {
          this.byName.set(name, [declared]);
        } else {
          // nginx uses some names in several modules (`server`, `zone`); the block always determines which is meant.
          others.push(declared);
        }
      }
      for (const [name, { changeable = false }] of Object.entries(module.variables ?? {})) {
        if (name.endsWith('*')) {
          this.families.push(name.slice(0, -1));
        } else {
          this.variables.set(name, { changeable });
        }
      }
    }
  }

  /** The directive with that name in that context. */
  find(name: string, context: Context): Declared | undefined {
    return this.byName.get(name)?.find(({ spec }) => spec.contexts.includes(context));
  }

  /** All directives with that name, in any context. */
  all(name: string): readonly Declared[] {
    return this.byName.get(name) ?? [];
  }

  /** Whether a directive with that name takes a block in any context. */
  opensBlock(name: string): boolean {
    return this.all(name).some(({ spec }) => spec.body !== undefined);
  }

  /** The names of all directives. */
  names(): readonly string[] {
    this.listed ??= [...this.byName.keys()];
    return this.listed;
  }

  /** Whether a module provides the variable, by itself or as a member of a family. */
  hasVariable(name: string): boolean {
    return this.variables.has(name) || this.families.some((family) => name.startsWith(family));
  }

  /** Whether a module provides exactly this variable and it cannot be redefined. */
  isFixed(name: string): boolean {
    return this.variables.get(name)?.changeable === false;
  }

  /** The names of single variables. */
  variableNames(): string[] {
    return [...this.variables.keys()];
  }
}

/**
 * Fast check for unchanged blocks, which nearly all blocks of a large configuration are: values are compared directly,
 * and canonical texts are created only for those that are not equal.
 */
import type { CheckedBlock, CheckedStep } from '../config/checked-config.js';
import { isPlace } from './canonical.js';
import { Meanings } from './meaning.js';

export class EqualityCheck {
  /** Objects that were found equal: most values are inherited, and occur repeatedly. */
  private readonly equal = new WeakMap<object, object>();
  private readonly equalDefinitions = new WeakMap<CheckedBlock, CheckedBlock>();
  /** Labels of the changed entries, by the name of each entry from which they are reachable. */
  private readonly changedByName = new Map<string, readonly string[]>();

  constructor(
    private readonly before: Meanings,
    private readonly after: Meanings,
  ) {}

  /** True only if the two blocks have the same directives and steps. */
  blocks(a: CheckedBlock, b: CheckedBlock): boolean {
    if (a.context !== b.context || !this.sameHeld(this.before.settings(a), this.after.settings(b))) return false;
    return this.values(a, b) && this.values(b, a) && this.steps(a.steps, b.steps) && this.exceptions(a, b);
  }

  /** True only if two servers assign the same values to the same variables. */
  definitions(a: CheckedBlock, b: CheckedBlock): boolean {
    if (this.equalDefinitions.get(a) === b) return true;
    const same = this.same(a.values.server_name, b.values.server_name) && this.steps(a.steps, b.steps);
    if (same) this.equalDefinitions.set(a, b);
    return same;
  }

  private sameHeld(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): boolean {
    if (a.size !== b.size) return false;
    for (const [name, value] of a) if (!this.same(value, b.get(name))) return false;
    return true;
  }

  /** Whether each effective value of one block is equal in the other. */
  private values(a: CheckedBlock, b: CheckedBlock): boolean {
    for (const name in a.values) {
      if (this.same(a.values[name], b.values[name])) continue;
      if (this.after.spec(name, a.context) !== undefined) return false;
    }
    return true;
  }

  private steps(a: readonly CheckedStep[], b: readonly CheckedStep[]): boolean {
    return a.length === b.length && a.every((step, i) => this.step(step, b[i] as CheckedStep));
  }

  private step(a: CheckedStep, b: CheckedStep): boolean {
    if (a.directive !== b.directive || !this.same(a.value, b.value)) return false;
    if (a.block === null || b.block === null) return a.block === b.block;
    return this.blocks(a.block, b.block);
  }

  private exceptions(a: CheckedBlock, b: CheckedBlock): boolean {
    const one = a.blocks.find(({ context }) => context === 'limit_except');
    const other = b.blocks.find(({ context }) => context === 'limit_except');
    if (one === undefined || other === undefined) return one === other;
    return this.same(one.argument, other.argument) && this.blocks(one, other);
  }

  private same(a: unknown, b: unknown): boolean {
    if (a === b) return true;
    if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
    if (this.equal.get(a) === b) return true;
    const equal = Array.isArray(a) || Array.isArray(b) ? this.sameLists(a, b) : this.sameFields(a, b);
    if (equal) this.equal.set(a, b);
    return equal;
  }

  private sameLists(a: object, b: object): boolean {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!this.same(a[i], b[i])) return false;
    return true;
  }

  private sameFields(a: object, b: object): boolean {
    if (isPlace(a) && isPlace(b)) return true;
    const [one, other] = [a as Readonly<Record<string, unknown>>, b as Readonly<Record<string, unknown>>];
    for (const key in one) if (!this.same(one[key], other[key])) return false;
    for (const key in other) if (!(key in one) && other[key] !== undefined) return false;
    return true;
  }

  /** The changed entries that are reachable from the references of blocks that are alike. */
  references(b: CheckedBlock): string[] {
    return [...new Set(this.after.referencesOf(b).flatMap((name) => this.reachableFrom(name)))];
  }

  /** The changed entries that are reachable from a name. */
  private reachableFrom(name: string): readonly string[] {
    const cached = this.changedByName.get(name);
    if (cached !== undefined) return cached;
    const one = this.before.resolve([name], null);
    const other = this.after.resolve([name], null);
    const found = Meanings.unequal(this.before, one, this.after, other);
    this.changedByName.set(name, found);
    return found;
  }
}

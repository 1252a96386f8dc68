/**
 * Minimum length of a match, by PCRE2's rules: a search of a shorter subject finds nothing, without an attempt that could
 * reach a limit. A call of a group from inside itself makes its alternative irrelevant unless it is the first one, because
 * an alternative without such a call must end the recursion.
 */
import { childrenOf, mayBeEmpty, type Node, type Tree } from './syntax.js';

/** Number of groups after which PCRE2 gives up. */
const MAX_GROUPS = 1000;
/** PCRE2 stores the length in 16 bits. */
const MAX_LENGTH = 0xffff;

interface Group {
  readonly body: Node;
  /** Numbers of the groups that contain it, and its own. */
  readonly enclosing: ReadonlySet<number>;
}

export function minimumLength({ body }: Tree): number {
  return mayBeEmpty(body) ? 0 : new LengthSearch(body).length();
}

class LengthSearch {
  private readonly groups = new Map<number, Group>();
  private readonly whole: Group;
  private groupsLeft = MAX_GROUPS;
  /** The current alternative calls a group that contains it. */
  private recursive = false;

  constructor(body: Node) {
    this.whole = { body, enclosing: new Set([0]) };
    this.groups.set(0, this.whole);
    this.findGroups(body, this.whole.enclosing);
  }

  length(): number {
    const length = this.ofGroup(this.whole, []);
    return this.groupsLeft < 0 ? 0 : length;
  }

  private findGroups(node: Node, enclosing: ReadonlySet<number>): void {
    let inner = enclosing;
    if (node.kind === 'group') {
      inner = new Set([...enclosing, node.index]);
      // In a branch reset, a call is to the first of the groups.
      if (!this.groups.has(node.index)) this.groups.set(node.index, { body: node.body, enclosing: inner });
    }
    for (const child of childrenOf(node)) this.findGroups(child, inner);
  }

  /** `called`: numbers of the groups whose calls led here. */
  private ofGroup({ body, enclosing }: Group, called: readonly number[]): number {
    return this.ofBranches(body.kind === 'alternatives' ? body.branches : [body], enclosing, called);
  }

  private ofBranches(branches: readonly Node[], enclosing: ReadonlySet<number>, called: readonly number[]): number {
    if (--this.groupsLeft < 0) return 0;
    const outer = this.recursive;
    let least = -1;
    for (const branch of branches) {
      this.recursive = false;
      const items = branch.kind === 'sequence' ? branch.items : [branch];
      let length = 0;
      for (const item of items) length += this.ofItem(item, enclosing, called);
      if (least < 0 || (!this.recursive && length < least)) least = Math.min(length, MAX_LENGTH);
      if (least === 0) break;
    }
    this.recursive = outer;
    return least;
  }

  private ofItem(node: Node, enclosing: ReadonlySet<number>, called: readonly number[]): number {
    switch (node.kind) {
      case 'set':
        return 1;
      case 'group':
        return this.ofGroup({ body: node.body, enclosing: new Set([...enclosing, node.index]) }, called);
      case 'atomic':
        return this.ofGroup({ body: node.body, enclosing }, called);
      case 'sequence':
      case 'alternatives':
        return this.ofGroup({ body: node, enclosing }, called);
      case 'condition':
        if (node.test.kind === 'define') return 0;
        return this.ofBranches([node.yes, node.no], enclosing, called);
      case 'call':
        return this.ofCall(node.index, enclosing, called);
      case 'repeat': {
        const { item, min, max, mode } = node;
        if (min === 0) return 0;
        const outer = this.recursive;
        const length = Math.min(min * this.ofItem(item, enclosing, called), MAX_LENGTH);
        // PCRE2 compiles these with a group around the call.
        if (mode === 'possessive' || (min === 1 && max > 1 && !Number.isFinite(max))) this.recursive = outer;
        return length;
      }
      default:
        return 0;
    }
  }

  private ofCall(index: number, enclosing: ReadonlySet<number>, called: readonly number[]): number {
    const group = this.groups.get(index);
    if (group === undefined || enclosing.has(index) || called.includes(index)) {
      this.recursive = true;
      return 0;
    }
    return this.ofGroup(group, [...called, index]);
  }
}

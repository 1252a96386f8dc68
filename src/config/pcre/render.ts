/** Writes the tree of a regular expression as JavaScript. */
import { ByteSet } from './byte-set.js';
import { firstOf, followedBy } from './first.js';
import { childrenOf, type First, mayBeEmpty, type Node, type Tree, untranslatable } from './syntax.js';

/** Nothing follows: the match has succeeded. */
const SUCCESS: First = { set: new ByteSet(), nullable: false };

/** JavaScript source, for flags without `u`, `m` and `s`. `ignoreCase`: the flag `i` will be used. */
export function render(tree: Tree, ignoreCase: boolean): string {
  return new Renderer(tree, ignoreCase).node(tree.body, SUCCESS);
}

class Renderer {
  private readonly groups: number;
  /** Number of the pattern's groups opened so far. */
  private opened = 0;
  /** Number of groups added for atomic ones. */
  private added = 0;
  /**
   * The follow set of an item matters only to possessive quantifiers, and takes longer to compute than everything else.
   */
  private readonly followed: boolean;

  constructor(
    { body, groups }: Tree,
    private readonly ignoreCase: boolean,
  ) {
    this.groups = groups;
    this.followed = hasPossessive(body);
  }

  node(node: Node, follow: First): string {
    switch (node.kind) {
      case 'set':
        return node.set.toSource(this.ignoreCase);
      case 'assertion':
        return node.source;
      case 'sequence':
        return this.sequence(node.items, follow);
      case 'alternatives':
        if (node.reset === true) untranslatable('a branch reset group "(?|...)"', 0, 0);
        return `(?:${this.branches(node.branches, follow)})`;
      case 'group': {
        this.opened++;
        const name = node.name === null ? '' : `?<${node.name}>`;
        return `(${name}${this.inside(node.body, follow)})`;
      }
      case 'look': {
        const sign = `${node.behind ? '<' : ''}${node.negative ? '!' : '='}`;
        return `(?${sign}${this.inside(node.body, SUCCESS)})`;
      }
      case 'atomic':
        // The part before it gives nothing back, see `isEffectivelyPossessive`.
        if (node.lineBreak === true) untranslatable('"\\R"', node.at, node.at + 2);
        return this.atomic(node, node.at, () => this.inside(node.body, SUCCESS));
      case 'repeat':
        return this.repeat(node, follow);
      case 'reference':
        if (node.caseless && !this.ignoreCase) {
          untranslatable('a caseless back reference in a part of the pattern', node.at, node.at + 2);
        }
        // In a group of its own, so that a following digit is not read as part of its number.
        return `(?:\\${node.index})`;
      case 'call':
        return untranslatable('a recursion or subroutine call', node.at, node.at + 2);
      case 'condition':
        return untranslatable('a conditional group "(?(...)...)"', node.at, node.at + 2);
      case 'keep':
        return untranslatable('"\\K"', node.at, node.at + 2);
    }
  }

  /** Source between a group's own parentheses. */
  private inside(node: Node, follow: First): string {
    const plain = node.kind === 'alternatives' && node.reset !== true;
    return plain ? this.branches(node.branches, follow) : this.node(node, follow);
  }

  private branches(branches: readonly Node[], follow: First): string {
    return branches.map((branch) => this.node(branch, follow)).join('|');
  }

  private sequence(items: readonly Node[], follow: First): string {
    if (!this.followed) return items.map((item) => this.node(item, follow)).join('');
    const follows: First[] = new Array(items.length);
    let after = follow;
    for (let i = items.length - 1; i >= 0; i--) {
      follows[i] = after;
      after = followedBy(firstOf(items[i] as Node), after); // `i` is below the length
    }
    return items.map((item, i) => this.node(item, follows[i] ?? follow)).join('');
  }

  private repeat(node: Node & { readonly kind: 'repeat' }, follow: First): string {
    const { item, mode, at } = node;
    if (mode === 'possessive' && !isGreedyEnough(item, follow)) {
      return this.atomic(node, at, () => this.quantified(node, SUCCESS));
    }
    return this.quantified(node, follow);
  }

  private quantified({ item, min, max, mode }: Node & { readonly kind: 'repeat' }, follow: First): string {
    // JavaScript undoes a repetition that has matched nothing; PCRE keeps it, with its groups.
    if (min === 0 && max === 1 && mayBeEmpty(item)) {
      const source = this.node(item, follow);
      return mode === 'lazy' ? `(?:|${source})` : `(?:${source}|)`;
    }
    const after = this.followed && max > 1 ? { ...follow, set: union(firstOf(item).set, follow.set) } : follow;
    const source = this.node(item, after);
    const single = item.kind === 'set' || item.kind === 'group' || item.kind === 'alternatives';
    return `${single ? source : `(?:${source})`}${quantifier(min, max)}${mode === 'lazy' ? '?' : ''}`;
  }

  /**
   * A lookahead is never retried with another match, so a group in it captures what an atomic group would match. The
   * added group must follow all others, or their numbers would change.
   */
  private atomic(node: Node, at: number, body: () => string): string {
    if (this.opened < this.groups) {
      untranslatable('a possessive quantifier or atomic group before a capturing group', at, at + 2);
    }
    if (childrenOf(node).some(hasLookbehind)) {
      untranslatable('a lookbehind in an atomic group', at, at + 2);
    }
    const index = this.groups + ++this.added;
    return `(?=(${body()}))\\${index}(?:)`;
  }
}

function hasPossessive(node: Node): boolean {
  return (node.kind === 'repeat' && node.mode === 'possessive') || childrenOf(node).some(hasPossessive);
}

function hasLookbehind(node: Node): boolean {
  return (node.kind === 'look' && node.behind) || childrenOf(node).some(hasLookbehind);
}

/**
 * True if giving bytes back could never help: everything repeated is one byte of a set, and a byte outside of that set
 * follows. Then a greedy quantifier matches the same as a possessive one.
 */
function isGreedyEnough(item: Node, follow: First): boolean {
  return item.kind === 'set' && !follow.nullable && !item.set.intersects(follow.set);
}

function quantifier(min: number, max: number): string {
  if (max === Number.POSITIVE_INFINITY) {
    return min === 0 ? '*' : min === 1 ? '+' : `{${min},}`;
  }
  if (min === max) {
    return `{${min}}`;
  }
  return min === 0 && max === 1 ? '?' : `{${min},${max}}`;
}

function union(a: ByteSet, b: ByteSet): ByteSet {
  const set = new ByteSet();
  set.addAll(a);
  set.addAll(b);
  return set;
}

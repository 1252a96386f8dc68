/** Variables that a converted configuration defines: tests of conditions, chosen values, changed paths. */
import { type Atom, type Condition, keyOf, type Test } from '../conditions.js';
import type { Directive } from '../crossplane/payload.js';
import { apart, block, directive } from '../directives.js';
import type { PathRule, Template } from '../model.js';
import { freeName } from '../names.js';
import { regexOf, withNamedGroups } from '../patterns.js';

type ValueAtom = Extract<Atom, { is: 'value' }>;

export class Variables {
  private readonly blocks: Directive[] = [];
  private readonly names = new Set<string>();
  private readonly known = new Map<string, string>();
  private usesDollar = false;

  /** The `map` and `geo` blocks, in the order in which they refer to each other. */
  get directives(): readonly Directive[] {
    const dollar = block('geo', ['$dollar'], [directive('default', '$')]);
    return (this.usesDollar ? [dollar, ...this.blocks] : this.blocks).flatMap((each) => apart([each]));
  }

  /** A template as a value of a directive. */
  text(template: Template): string {
    let text = '';
    template.forEach((part, index) => {
      if (typeof part === 'string') {
        if (part.includes('$')) this.usesDollar = true;
        text += part.replaceAll('$', '${dollar}');
        return;
      }
      const next = template[index + 1];
      text += typeof next === 'string' && /^\w/.test(next) ? `\${${part.variable}}` : `$${part.variable}`;
    });
    return text;
  }

  /** Name (with its `$`) of a variable that is `1` if the condition is true, otherwise `0`. */
  test(condition: Condition, name = 'matches'): string {
    if (condition.is === 'named') return this.test(condition.of, condition.name);
    const key = keyOf(condition);
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const variable = this.define(condition, name);
    this.known.set(key, variable);
    return variable;
  }

  /** A template that has the first value if the condition is true, otherwise the second. */
  choose(condition: Condition, first: Template, second: Template, name: string): Template {
    if (condition.is === 'always') return first;
    if (condition.is === 'never') return second;
    const test = this.test(condition);
    return this.map(test, name, [
      ['default', this.text(second)],
      ['1', this.text(first)],
    ]);
  }

  /** A template that has `filled` if the value is not empty, otherwise `empty`. */
  ifEmpty(value: Template, empty: Template, filled: Template, name: string): Template {
    return this.map(this.text(value), name, [
      ['default', this.text(filled)],
      ['', this.text(empty)],
    ]);
  }

  /** A path after the first rule that matches. */
  replaced(path: Template, rules: readonly PathRule[]): Template {
    const rows = rules.map(({ pattern, ignoreCase, to }, index) => {
      // Groups of a map are set for the whole request, so that each has a name of its own.
      const groups = new Map<string, string>();
      const named = withNamedGroups(pattern, (group) => {
        const name = this.free(`part_${index + 1}_${group}`);
        groups.set(String(group), name);
        return name;
      });
      const result = to.map((part) =>
        typeof part === 'string' ? part : { variable: groups.get(part.variable) ?? part.variable },
      );
      return [`${ignoreCase ? '~*' : '~'}${named}`, this.text(result)] as const;
    });
    return this.map(this.text(path), 'path', [['default', this.text(path)], ...rows]);
  }

  private map(source: string, name: string, rows: readonly (readonly [string, string])[]): Template {
    const key = JSON.stringify(['map', source, rows]);
    const known = this.known.get(key);
    if (known !== undefined) return [{ variable: known }];
    const variable = this.free(name);
    this.known.set(key, variable);
    this.blocks.push(
      block(
        'map',
        [source, `$${variable}`],
        rows.map(([pattern, value]) => directive(pattern, value)),
      ),
    );
    return [{ variable }];
  }

  private free(name: string): string {
    const base = name
      .toLowerCase()
      .replace(/\W+/g, '_')
      .replace(/^(?=\d|$)/, 'v');
    return freeName(base, this.names);
  }

  private define(condition: Condition, name: string): string {
    const values = valuesOf(condition);
    if (values !== null) return this.defineValues(values, '1', '0', name);
    switch (condition.is) {
      case 'not': {
        const inner = valuesOf(condition.of);
        if (inner !== null) return this.defineValues(inner, '0', '1', name);
        return this.combine([condition.of], '0', '1', '0', name);
      }
      case 'all':
        return this.combine(condition.of, '1', '1', '0', name);
      case 'any':
        return this.combine(condition.of, '0', '0', '1', name);
      case 'address': {
        const variable = this.free(name);
        const ranges = condition.ranges.map((range) => directive(range, '1'));
        this.blocks.push(block('geo', [`$${variable}`], [directive('default', '0'), ...ranges]));
        return `$${variable}`;
      }
      default:
        throw new Error(`a condition "${condition.is}" has no variable`);
    }
  }

  /** A map over several tests: `result` if all are `value`, otherwise `other`. */
  private combine(
    conditions: readonly Condition[],
    value: string,
    result: string,
    other: string,
    name: string,
  ): string {
    const tests = conditions.map((each) => this.test(each));
    const source = tests.join('');
    return this.text(
      this.map(source, name, [
        ['default', other],
        [value.repeat(tests.length), result],
      ]),
    );
  }

  private defineValues(atoms: readonly ValueAtom[], match: string, other: string, name: string): string {
    const source = this.text(atoms[0]?.of ?? []);
    const rows = atoms.map((atom) => [patternOf(atom), match] as const);
    return this.text(this.map(source, name, [['default', other], ...rows]));
  }
}

/** The tests of one value of which a condition needs one; null if it is something else. */
function valuesOf(condition: Condition): readonly ValueAtom[] | null {
  switch (condition.is) {
    case 'named':
      return valuesOf(condition.of);
    case 'value':
      return [condition];
    case 'path':
      return [{ ...condition, is: 'value', of: [{ variable: 'uri' }] }];
    case 'host':
      return condition.names.map((name) => ({
        is: 'value',
        of: [{ variable: 'host' }],
        ignoreCase: true,
        ...hostTest(name),
      }));
    case 'any': {
      const values = condition.of.map(valuesOf);
      const first = values[0]?.[0];
      const same = values.every((each) => each?.every(({ of }) => JSON.stringify(of) === JSON.stringify(first?.of)));
      return same ? values.flatMap((each) => each ?? []) : null;
    }
    default:
      return null;
  }
}

function hostTest(name: string): { how: Test; value: string } {
  if (name.startsWith('~')) return { how: 'regex', value: name.slice(1) };
  if (name.startsWith('*')) return { how: 'suffix', value: name.slice(1) };
  return name.endsWith('*') ? { how: 'prefix', value: name.slice(0, -1) } : { how: 'exact', value: name };
}

/** A row of a map. Its strings ignore case, so that only such tests, and those without letters, can be strings. */
function patternOf(atom: ValueAtom): string {
  const { how, value, ignoreCase } = atom;
  if (how === 'exact' && (ignoreCase || !/[a-z\x80-\uffff]/i.test(value))) {
    return /^(?:default|hostnames|include|volatile|[~\\].*)$/.test(value) ? `\\${value}` : value;
  }
  return `${ignoreCase ? '~*' : '~'}${regexOf(atom)}`;
}

import { components } from './engine/components.js';
import { defineLint } from './engine/lint.js';
import type { Scope } from './engine/scope.js';
import { variablesIn } from './engine/variables.js';

export default defineLint({
  code: 'variable-cycle',
  severity: 'warning',
  on: 'map geo split_clients',
  story:
    'A variable is computed from itself: the source or a value of its `map` refers to it, directly or indirectly. The evaluation ends after 100 steps with an empty value, and the cycle is reported in the error log.',
  check(c) {
    const nodes = c.scopes('entries').flatMap((scope) => {
      const name = /^(?:map|geo|split_clients)$/.test(scope.directive) ? scope.opener?.args.at(-1) : undefined;
      return name?.text.startsWith('$') === true ? [{ scope, name, key: name.text.slice(1).toLowerCase() }] : [];
    });
    const numbers = new Map(nodes.map(({ key }, i) => [key, i]));
    const edges = nodes.map(({ scope }) => [...new Set(usesOf(scope))].flatMap((used) => numbers.get(used) ?? []));
    const component = components(edges);
    const sizes = new Map<number, number>();
    for (const each of component) sizes.set(each, (sizes.get(each) ?? 0) + 1);
    const reported = new Set<number>();
    for (const [i, { name, key }] of nodes.entries()) {
      const own = component[i] ?? -1;
      if (reported.has(own) || (sizes.get(own) === 1 && edges[i]?.includes(i) !== true)) continue;
      reported.add(own);
      const members = nodes.filter((_, other) => component[other] === own);
      c.report(name, `cycle while evaluating variable "${key}"`, {
        help:
          members.length === 1
            ? `"$${key}" is computed from itself`
            : `these are computed from each other: ${members.map((member) => `$${member.key}`).join(', ')}`,
        related: members
          .filter((member) => member.key !== key)
          .slice(0, 5)
          .map((member) => ({ at: member.name, message: 'part of the cycle' })),
      });
    }
  },
});

/** The variables that a computed one depends on. */
function usesOf({ opener, directive, statements }: Scope): string[] {
  const source = variablesIn((opener?.args.slice(0, -1) ?? []).map(({ text }) => text).join(' '));
  // Only the values of `map` may contain variables.
  if (directive !== 'map') return source;
  return [...source, ...statements.flatMap(({ args }) => variablesIn(args[0]?.text ?? ''))];
}

import type { Statement } from '../../grammar/syntax-tree.js';
import { defineLint } from './engine/lint.js';
import { passesIn } from './engine/pass.js';
import { titleOf } from './engine/scope.js';

/** Whether two `proxy_set_header` set the same field. */
function sameField({ args: [one] }: Statement, { args: [other] }: Statement): boolean {
  if (one === undefined || other === undefined || one.text.length !== other.text.length) return false;
  return one.text === other.text || one.text.toLowerCase() === other.text.toLowerCase();
}

export default defineLint({
  code: 'request-headers-not-inherited',
  severity: 'warning',
  on: 'proxy_set_header',
  story:
    'A `proxy_set_header` in a block replaces all those of the enclosing blocks: they are inherited only if the block has none of its own. In this location alone, the back end then does not receive `Host` or the address of the client. Repeat them in the block, or put them in a file and `include` it in both.',
  check(c) {
    for (const scope of new Set(c.written('proxy_set_header').map((each) => each.scope))) {
      const own = scope.own('proxy_set_header');
      const outer = own.length === 0 ? [] : (scope.parent?.effective('proxy_set_header') ?? []);
      if (outer.length === 0) continue;
      const dropped = outer.filter((statement) => !own.some((one) => sameField(one, statement)));
      if (dropped.length === 0 || !passesIn(scope).some(({ statement }) => statement.name.text === 'proxy_pass'))
        continue;
      const fields = [...new Set(dropped.map(({ args }) => args[0]?.text ?? ''))];
      // A block that repeats some of the fields was probably written with the others in mind.
      const replaces = dropped.length < outer.length;
      const [first] = own;
      if (first === undefined) continue;
      c.report(
        first,
        `"proxy_set_header" in "${titleOf(scope)}" drops those of the enclosing block: ${fields.join(', ')}`,
        {
          ...(replaces && { severity: 'hint' as const }),
          help: `they are inherited only if a block sets none; repeat them here, or include them from a file in both blocks`,
          related: dropped.slice(0, 10).map((at) => ({ at, message: 'is not sent here' })),
        },
      );
    }
  },
});

import type { Statement } from '../../grammar/syntax-tree.js';
import { defineLint } from './engine/lint.js';
import { passesOf } from './engine/pass.js';
import type { Scope } from './engine/scope.js';
import { titleOf } from './engine/scope.js';

const REWRITING = new Set(['return', 'rewrite', 'set', 'if', 'break']);

export default defineLint({
  code: 'unreachable-after-return',
  severity: 'warning',
  on: 'return rewrite',
  story:
    'A `return` directly in a `server` answers every request before a location is searched: the locations of the server, such as the one for certificate challenges, are never reached. Put it into `location / { … }`. Likewise, a `return` in a location precedes everything else in it, regardless of the order: the rewrite phase runs first, and requests are proxied afterwards.',
  check(c) {
    const scopes = new Set(['return', 'rewrite'].flatMap((name) => c.written(name).map(({ scope }) => scope)));
    for (const server of scopes) {
      if (server.kind !== 'server') continue;
      const end = endOf(server);
      const unreachable = server.children.filter((child) =>
        ['exact', 'prefix', 'regex'].includes(child.location?.kind ?? ''),
      );
      if (end === null || unreachable.length === 0) continue;
      c.report(end, `"${end.name.text}" of the server answers every request: its locations are never reached`, {
        help: `put it into a separate location: location / { ${textOf(end)} }`,
        related: unreachable
          .slice(0, 5)
          .map(({ opener }) => ({ at: opener?.args.at(-1) ?? end, message: 'never reached' })),
      });
    }
    for (const scope of scopes) {
      const end = endOf(scope);
      if (end === null) continue;
      const related = [{ at: end, message: 'every request is answered here' }];
      const at = scope.statements.indexOf(end);
      const behind = scope.statements.slice(at + 1).find(({ name }) => REWRITING.has(name.text));
      if (behind !== undefined) {
        c.report(behind.name, `"${behind.name.text}" after "${end.name.text}" is never executed`, { related });
      }
      const pass = passesOf(scope)[0]?.statement ?? scope.own('try_files')[0];
      if (scope.kind === 'location' && pass !== undefined) {
        c.report(pass.name, `"${pass.name.text}" beside "${end.name.text}" is never used in "${titleOf(scope)}"`, {
          help: `"${end.name.text}" is executed first, regardless of the order`,
          related,
        });
      }
    }
  },
});

/** The statement that answers every request that reaches a block, or null. */
function endOf(scope: Scope): Statement | null {
  for (const statement of scope.statements) {
    const { name, args } = statement;
    if (name.text === 'return') return statement;
    if (name.text === 'break') return null;
    if (name.text === 'rewrite') {
      const [regex, target, flag] = args.map(({ text }) => text);
      const leaves = flag === 'redirect' || flag === 'permanent' || /^(?:https?:\/\/|\$scheme)/.test(target ?? '');
      if (leaves && /^(?:\^|\^\/|\.\*|\^\/?\(?\.\*\)?\$?|\^\/?\(\.\*\)|\/)$/.test(regex ?? '')) return statement;
      if (!leaves && flag !== undefined) return null;
    }
    // A break inside the `if` leaves the rewrite phase and continues with the locations.
    if (name.text === 'if' && mayLeave(scope, statement)) return null;
  }
  return null;
}

function mayLeave(scope: Scope, statement: Statement): boolean {
  const inside = scope.children.find(({ opener }) => opener === statement);
  return (
    inside === undefined ||
    inside.own('break').length > 0 ||
    inside.own('rewrite').some(({ args }) => /^(?:last|break)$/.test(args[2]?.text ?? ''))
  );
}

function textOf({ source, start, end }: Statement): string {
  return source.text.slice(start, end);
}

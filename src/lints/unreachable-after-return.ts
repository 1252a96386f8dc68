import type { Statement } from '../../grammar/syntax-tree.js';
import { defineLint } from './engine/lint.js';
import { titleOf } from './engine/location.js';
import { passesOf } from './engine/pass.js';
import type { Scope } from './engine/scope.js';

const REWRITING = new Set(['return', 'rewrite', 'set', 'if', 'break']);

export default defineLint({
  code: 'unreachable-after-return',
  severity: 'warning',
  on: 'return rewrite',
  story:
    'A `return` that stands in a `server` answers every request before any location is looked for: locations beside it, such as the one for certificate challenges, are never reached. Put it into `location / { … }`. Likewise, nothing in a location runs behind its `return`, wherever the two stand: what rewrites and returns is carried out first, then requests are passed on.',
  check(c) {
    const scopes = new Set(['return', 'rewrite'].flatMap((name) => c.written(name).map(({ scope }) => scope)));
    for (const server of scopes) {
      if (server.kind !== 'server') continue;
      const end = endOf(server);
      const lost = server.children.filter((child) => ['exact', 'prefix', 'regex'].includes(child.location?.kind ?? ''));
      if (end === null || lost.length === 0) continue;
      c.report(end, `"${end.name.text}" of the server answers every request: its locations are never reached`, {
        help: `put it into a location of its own: location / { ${textOf(end)} }`,
        related: lost.slice(0, 5).map(({ opener }) => ({ at: opener?.args.at(-1) ?? end, message: 'never reached' })),
      });
    }
    for (const scope of scopes) {
      const end = endOf(scope);
      if (end === null) continue;
      const related = [{ at: end, message: 'every request is answered here' }];
      const at = scope.statements.indexOf(end);
      const behind = scope.statements.slice(at + 1).find(({ name }) => REWRITING.has(name.text));
      if (behind !== undefined) {
        c.report(behind.name, `"${behind.name.text}" behind "${end.name.text}" is never carried out`, { related });
      }
      const pass = passesOf(scope)[0]?.statement ?? scope.own('try_files')[0];
      if (scope.kind === 'location' && pass !== undefined) {
        c.report(pass.name, `"${pass.name.text}" beside "${end.name.text}" is never used in "${titleOf(scope)}"`, {
          help: `"${end.name.text}" is carried out first, wherever it stands`,
          related,
        });
      }
    }
  },
});

/** The statement that answers every request which comes to a block, or null. */
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
    // What is left by a break inside of it goes on to the locations.
    if (name.text === 'if' && leavesEarly(scope, statement)) return null;
  }
  return null;
}

function leavesEarly(scope: Scope, statement: Statement): boolean {
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

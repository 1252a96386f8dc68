import { defineLint } from './engine/lint.js';
import type { Scope } from './engine/scope.js';

export default defineLint({
  code: 'origin-reflected',
  severity: 'warning',
  on: 'add_header',
  story:
    'Every origin is allowed to read responses that depend on the cookies of its visitors: `Access-Control-Allow-Origin $http_origin` reflects the requested origin, and `Access-Control-Allow-Credentials true` makes browsers send cookies. Any page can then act on behalf of its visitor. Take the origin from a `map` that is empty for all but known origins.',
  check(c) {
    for (const scope of new Set(c.written('add_header').map((one) => one.scope))) {
      const fields = scope.own('add_header');
      const origin = fields.find(({ args }) => /^access-control-allow-origin$/i.test(args[0]?.text ?? ''));
      const credentials = fields.find(({ args }) => /^access-control-allow-credentials$/i.test(args[0]?.text ?? ''));
      const value = origin?.args[1];
      if (value === undefined || credentials === undefined || credentials.args[1]?.text !== 'true') continue;
      if (!/^\$\{?http_origin\}?$/i.test(value.text) || testsOrigin(scope)) continue;
      c.report(value, 'every origin may read responses with the cookies of its visitors', {
        help: 'take the origin from a map of known origins: map $http_origin $cors { https://www.example.com $http_origin; }',
        related: [{ at: credentials, message: 'makes browsers send cookies' }],
      });
    }
  },
});

/** Whether the block or an enclosing one is an `if` on the origin, or contains one. */
function testsOrigin(scope: Scope): boolean {
  for (let each: Scope | null = scope; each !== null; each = each.parent) {
    const tests = [each, ...each.children].some(
      ({ kind, opener }) => kind === 'if' && opener?.args.some(({ text }) => /\$\{?http_origin/i.test(text)) === true,
    );
    if (tests) return true;
  }
  return false;
}

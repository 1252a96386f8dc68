import { defineLint } from './engine/lint.js';
import type { Scope } from './engine/scope.js';

export default defineLint({
  code: 'origin-reflected',
  severity: 'warning',
  on: 'add_header',
  story:
    'Every origin is told that it may read answers, with the cookies of whoever visits it: `Access-Control-Allow-Origin $http_origin` gives back what was asked, and `Access-Control-Allow-Credentials true` has browsers send cookies along. Any page can then act as its visitor. Take the origin from a `map` that is empty for all but those you know.',
  check(c) {
    for (const scope of new Set(c.written('add_header').map((one) => one.scope))) {
      const fields = scope.own('add_header');
      const origin = fields.find(({ args }) => /^access-control-allow-origin$/i.test(args[0]?.text ?? ''));
      const credentials = fields.find(({ args }) => /^access-control-allow-credentials$/i.test(args[0]?.text ?? ''));
      const value = origin?.args[1];
      if (value === undefined || credentials === undefined || credentials.args[1]?.text !== 'true') continue;
      if (!/^\$\{?http_origin\}?$/i.test(value.text) || asksForOrigin(scope)) continue;
      c.report(value, 'every origin may read answers with the cookies of its visitors', {
        help: 'take the origin from a map of those that you know: map $http_origin $cors { https://www.example.com $http_origin; }',
        related: [{ at: credentials, message: 'has browsers send cookies along' }],
      });
    }
  },
});

/** Whether the block stands in an `if` about the origin, or has one that turns others away. */
function asksForOrigin(scope: Scope): boolean {
  for (let each: Scope | null = scope; each !== null; each = each.parent) {
    const asked = [each, ...each.children].some(
      ({ kind, opener }) => kind === 'if' && opener?.args.some(({ text }) => /\$\{?http_origin/i.test(text)) === true,
    );
    if (asked) return true;
  }
  return false;
}

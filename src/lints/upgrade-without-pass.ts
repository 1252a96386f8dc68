import { defineLint } from './engine/lint.js';
import { passesIn } from './engine/pass.js';
import { hasUnread, isWhole } from './engine/values.js';

/** Directives by which a location answers or hands a request on in another way. */
const OTHERWISE = [
  'return',
  'rewrite',
  'try_files',
  'root',
  'alias',
  'internal',
  'deny',
  'content_by_lua_block',
  'js_content',
];

export default defineLint({
  code: 'upgrade-without-pass',
  severity: 'warning',
  on: '*upgrade',
  story:
    'A location sets the fields of a WebSocket for an upstream, but passes requests to none: `proxy_pass` is not inherited from the server or from an outer location. Requests are answered with files, mostly with 404.',
  check(c) {
    // The pass may stand in a file that was not found.
    if (!isWhole(c)) return;
    for (const scope of c.scopes('location')) {
      const upgrade = scope
        .own('proxy_set_header')
        .find(({ args: [name, value] }) => name?.text.toLowerCase() === 'upgrade' && (value?.text ?? '') !== '');
      if (upgrade === undefined || passesIn(scope).length > 0 || hasUnread(scope, c)) continue;
      if (OTHERWISE.some((name) => scope.own(name).length > 0) || scope.children.length > 0) continue;
      c.report(upgrade, 'this location passes nothing to an upstream', {
        help: 'a nested location and a server hand no proxy_pass on: write one into this location',
      });
    }
  },
});

import { defineLint } from './engine/lint.js';
import { passesIn } from './engine/pass.js';
import { hasSuspectDirective, isComplete } from './engine/values.js';

/** Other directives with which a location handles a request. */
const OTHER_HANDLERS = ['return', 'rewrite', 'try_files', 'internal', 'deny', 'content_by_lua_block', 'js_content'];

export default defineLint({
  code: 'upgrade-without-pass',
  severity: 'warning',
  absence: true,
  on: '*upgrade',
  story:
    'A location sets the upstream fields of a WebSocket handshake, but has no `proxy_pass`, which is not inherited from the server or from an enclosing location. Requests are answered with files, usually with 404.',
  check(c) {
    // The pass directive may be in a file that was not found.
    if (!isComplete(c)) return;
    for (const scope of c.scopes('location')) {
      const upgrade = scope
        .own('proxy_set_header')
        .find(({ args: [name, value] }) => name?.text.toLowerCase() === 'upgrade' && (value?.text ?? '') !== '');
      if (upgrade === undefined || passesIn(scope).length > 0 || hasSuspectDirective(scope, c)) continue;
      if (OTHER_HANDLERS.some((name) => scope.own(name).length > 0) || scope.children.length > 0) continue;
      c.report(upgrade, 'this location passes no requests to an upstream', {
        help: 'proxy_pass is not inherited: add one to this location',
      });
    }
  },
});

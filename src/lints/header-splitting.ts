import type { Statement, Word } from '../../grammar/syntax-tree.js';
import { isInternal } from './engine/access.js';
import { defineLint, type LintContext } from './engine/lint.js';
import { newlineIn } from './engine/newlines.js';
import type { Scope } from './engine/scope.js';
import { variablesIn } from './engine/variables.js';

const FIELDS = ['add_header', 'add_trailer', 'proxy_set_header', 'grpc_set_header'];
const REDIRECTS = /^30[12378]$/;

export default defineLint({
  code: 'header-splitting',
  severity: 'warning',
  on: 'return rewrite add_header add_trailer proxy_set_header grpc_set_header proxy_pass',
  story:
    'A variable that may contain a line break is used in a header: with `%0d%0a` in the path of a request, a client (or a link that a user follows) can inject fields, or a whole second message. `$uri` and `$document_uri` are decoded, and so are the captures of a location. Use `$request_uri`, which is not decoded, or exclude white space in the expression: `[^/\\s]+` in place of `[^/]+`.',
  check(c) {
    for (const directive of FIELDS) {
      for (const { scope, statement } of c.written(directive)) {
        checkValue(c, scope, statement, statement.args[1], /^(?:proxy|grpc)_/.test(directive));
      }
    }
    for (const { scope, statement } of c.written('return')) checkValue(c, scope, statement, targetOf(statement), false);
    for (const { scope, statement } of c.written('rewrite')) {
      const [, value, flag] = statement.args;
      if (value === undefined || !isRedirect(value.text, flag?.text)) continue;
      // The captures of the rewrite itself are escaped again.
      checkValue(c, scope, statement, value, false, (variable) => !/^[1-9]$/.test(variable));
    }
    for (const { scope, statement } of c.written('proxy_pass'))
      checkValue(c, scope, statement, statement.args[0], true);
  },
});

/** The redirect target of a `return`. */
function targetOf({ args }: Statement): Word | undefined {
  const [first, second] = args;
  if (first === undefined) return undefined;
  if (second === undefined) return /^(?:https?:|\$scheme)/.test(first.text) ? first : undefined;
  return REDIRECTS.test(first.text) ? second : undefined;
}

function isRedirect(target: string, flag: string | undefined): boolean {
  return flag === 'redirect' || flag === 'permanent' || /^(?:https?:\/\/|\$scheme)/.test(target);
}

function checkValue(
  c: LintContext,
  scope: Scope,
  { name }: Statement,
  value: Word | undefined,
  upstream: boolean,
  counts: (variable: string) => boolean = () => true,
): void {
  if (value === undefined || isInternal(scope)) return;
  for (const variable of variablesIn(value.text)) {
    const why = counts(variable) ? newlineIn(c, scope, variable) : null;
    if (why === null) continue;
    const message = upstream ? 'the request to the upstream' : 'the response';
    c.report(value, `"${name.text}" lets clients inject into the header of ${message} through "$${variable}"`, {
      help: `${why}; ${/uri$/.test(variable) ? 'use $request_uri' : 'exclude white space in the expression, as in [^/\\s]+'}`,
    });
    return;
  }
}

/** Functions of scripts for requests to upstreams and their responses. An extension of tsproxy. */
import { orOff } from '../config/argument-types.js';
import type { Context, Directives } from '../config/directive.js';
import type { HeaderBlock } from '../http/header-block.js';
import { defineModule, type HeaderFilter } from '../program/module.js';
import { StateKey } from '../program/state-key.js';
import { checkFunctions } from '../scripting/check-functions.js';
import { functionName, IMPORTS_MAIN, NOT_IN_NJS } from '../scripting/function-name.js';
import { requestOf } from '../scripting/request-object.js';
import { FAILED, type ScriptFunction } from '../scripting/script-function.js';
import { failsOpen } from '../scripting/script-limits.js';
import { type Scripts, scriptsOf } from '../scripting/scripts.js';
import { ScriptUpstreamRequest } from '../scripting/upstream/upstream-request.js';
import { ScriptUpstreamResponse } from '../scripting/upstream/upstream-response.js';
import { HEAD_EDITOR, type HeadEditor } from '../upstream/head-editor.js';

const CONTEXTS = ['http', 'server', 'location'] as const satisfies readonly Context[];

const directives = {
  js_upstream_request: {
    contexts: CONTEXTS,
    takes: orOff(functionName),
    doc: `The function is called with \`r\` and the request to the upstream of \`proxy_pass\` before its head is sent, for each attempt: it changes \`request.method\`, \`request.target\` and \`request.headers\`. Fields that \`proxy_set_header\` has set are among them. It must be synchronous: an \`async\` function fails; values that need to wait can be computed by \`js_access\`, before. If it fails the response is 500, unless \`js_timeout\` has \`fail=open\`. \`off\` cancels an inherited function. ${NOT_IN_NJS}`,
    example: 'js_upstream_request main.sign;',
    exampleNeeds: IMPORTS_MAIN,
  },
  js_upstream_response: {
    contexts: CONTEXTS,
    takes: orOff(functionName),
    doc: `The function is called with \`r\` and the response of the upstream before its head is sent to the client: it changes \`response.status\` and \`response.headers\`. If it returns a number from 300 to 599, that status is sent instead of the response, with its error page. It is called before \`js_header_filter\` and the directives that add fields, and must not wait; \`js_body_filter\` changes the body. If it fails the response is 500, unless \`js_timeout\` has \`fail=open\`. ${NOT_IN_NJS}`,
    example: 'js_upstream_response main.cleanup;',
    exampleNeeds: IMPORTS_MAIN,
  },
} as const satisfies Directives;

/** The fields of the last response that was handled. */
const HANDLED = new StateKey<HeaderBlock>('handled response', 'request');

function headEditor(fn: ScriptFunction, scripts: Scripts): HeadEditor {
  return (x, head) => {
    const request = new ScriptUpstreamRequest(head);
    if (fn.callUnawaited(x, requestOf(x, scripts), request) === FAILED) return failsOpen(x) ? head : null;
    x.upstreamMethod = request.method;
    return request.toHead();
  };
}

function responseFilter(fn: ScriptFunction, scripts: Scripts): HeaderFilter {
  return (x) => {
    const { response } = x;
    // Error pages and other responses of the proxy do not come from the upstream.
    if (response.upstream === null || response.upstream !== x.upstreamHeaders) return undefined;
    // The function's own response passes the header filters as well: it is not called for that.
    if (x.state(HANDLED) === response.upstream) return undefined;
    x.setState(HANDLED, response.upstream);
    const result = fn.callUnawaited(x, requestOf(x, scripts), new ScriptUpstreamResponse(response));
    if (result === FAILED) return failsOpen(x) ? undefined : 500;
    return typeof result === 'number' && result >= 300 && result <= 599 ? result : undefined;
  };
}

export default defineModule({
  name: 'js_upstream',
  doc: 'Runs functions of scripts for requests to upstreams, before their heads are sent, and for the heads of their responses.',
  directives,
  check(block, c) {
    checkFunctions(block, c, { js_upstream_request: 0, js_upstream_response: 0 }, true);
  },
  settings({ js_upstream_request: name = false }, { program, block, compiler }) {
    if (name === false) return;
    const scripts = scriptsOf(compiler);
    program.settings.set(HEAD_EDITOR, headEditor(scripts.function(block, name, 'js_upstream_request'), scripts));
  },
  headerFilter: {
    // After the negotiation of WebSockets (1), before the filters that add fields.
    order: 3,
    compile: ({ js_upstream_response: name = false }, { block, compiler }) => {
      if (name === false) return null;
      const scripts = scriptsOf(compiler);
      return responseFilter(scripts.function(block, name, 'js_upstream_response'), scripts);
    },
  },
});

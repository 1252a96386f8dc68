/** Functions of scripts that select the servers of upstreams. An extension of tsproxy. */
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { defineModule } from '../program/module.js';
import type { Session } from '../program/session.js';
import { checkFunctions } from '../scripting/check-functions.js';
import { functionName, IMPORTS_MAIN, NOT_IN_NJS } from '../scripting/function-name.js';
import { requestOf } from '../scripting/request-object.js';
import { FAILED, type ScriptFunction } from '../scripting/script-function.js';
import { type Scripts, scriptsOf } from '../scripting/scripts.js';
import { textOf } from '../scripting/text.js';
import type { BalancerPeer, ChoosePeer } from '../upstream/balancer-peer.js';
import { checkBalancingMethod } from '../upstream/balancing-method.js';
import { useBalancer } from '../upstream/configured.js';
import { FunctionBalancer } from '../upstream/function-balancer.js';

function isExchange(session: Session): session is Exchange {
  return 'location' in session;
}

/** Peer that a function has returned: one of the offered ones, or the name of one. */
function chosen(
  result: unknown,
  offered: readonly BalancerPeer[],
  peers: readonly BalancerPeer[],
): BalancerPeer | null {
  if (typeof result === 'string') {
    const index = peers.findIndex(({ name, server }) => name === result || server === result);
    return offered[index] ?? null;
  }
  return offered[peers.indexOf(result as BalancerPeer)] ?? null;
}

function chooser(fn: ScriptFunction, scripts: Scripts): ChoosePeer {
  return (session, offered) => {
    if (!isExchange(session)) return null;
    const peers = offered.map((peer) => ({ ...peer, name: textOf(peer.name), server: textOf(peer.server) }));
    const result = fn.callUnawaited(session, requestOf(session, scripts), peers);
    if (result === FAILED || result === null || result === undefined) return null;
    const peer = chosen(result, offered, peers);
    if (peer === null) logError(session, 'error', `"${fn.name}" of "${fn.directive}" returned none of the peers`);
    return peer;
  };
}

const module = defineModule({
  name: 'js_balancer',
  doc: 'Selects the servers of upstreams by functions of scripts.',
  directives: {
    js_balancer: {
      contexts: ['upstream'],
      takes: functionName,
      inherit: 'none',
      doc: `The function selects the server of a request. It receives \`r\` and the peers that are available: objects with \`name\` (address and port), \`server\` (as written), \`weight\`, and \`connections\` (active requests and tunnels). It returns one of them, or its name, or null for weighted round robin, which is also used if the function fails. It must not wait, and is not called for upstreams with one server. Failures, \`max_conns\`, retries and backup servers are handled as by other methods: after a failure the function is called with the remaining peers. The function is searched among the imports of the \`http\` block. ${NOT_IN_NJS}`,
      example: 'js_balancer main.choose;',
      exampleNeeds: IMPORTS_MAIN,
    },
  },
  check(block, c) {
    checkBalancingMethod('js_balancer', block, c, { backup: true });
    // Modules are not imported in an upstream.
    checkFunctions(c.enclosing ?? block, c, { js_balancer: 0 });
  },
  http(_conf, http, compiler) {
    const scripts = scriptsOf(compiler);
    useBalancer(http, 'js_balancer', compiler, (upstream, block) => {
      const name = compiler.conf(module, block).js_balancer;
      if (name === undefined) throw new Error('a js_balancer directive without a value');
      const fn = scripts.function(http, name, 'js_balancer');
      return new FunctionBalancer('js_balancer', upstream, chooser(fn, scripts));
    });
  },
});
export default module;

/** `tunnel_rebalance`: WebSockets move to servers that join their upstream. */
import type { Word } from '../../grammar/syntax-tree.js';
import { custom } from '../config/argument-types.js';
import type { ArgumentContext } from '../config/directive.js';
import { parseSwitch } from '../config/switch-argument.js';
import { parseMilliseconds, parsePositiveMilliseconds } from '../config/units.js';
import { defineModule } from '../program/module.js';
import { Rebalancer, type RebalanceSettings } from '../tunnel/rebalancer.js';
import { compiledTunnels } from '../tunnel/tunnels.js';
import { positiveShare } from '../upstream/circuit-arguments.js';
import { configuredUpstreams } from '../upstream/configured.js';

const DEFAULT: RebalanceSettings = { share: 0.1, spread: 30_000, timeout: 5000 };

const PARAMETERS = {
  share: { value: 'N%', parse: positiveShare, help: 'a percentage above 0, up to 100%' },
  spread: { value: 'TIME', parse: parseMilliseconds, help: 'a time such as 500ms, 30s or 5m' },
  timeout: { value: 'TIME', parse: parsePositiveMilliseconds, help: 'a time such as 500ms or 5s, above 0' },
};

function parseRebalance(words: readonly Word[], c: ArgumentContext): RebalanceSettings | null {
  const found = parseSwitch(words, PARAMETERS, c);
  return found === null ? null : { ...DEFAULT, ...found };
}

const module = defineModule({
  name: 'tunnel_rebalance',
  doc: 'Moves open WebSockets to servers that join a group: their clients are asked to connect again. This is an extension of tsproxy; nginx has no such directive.',
  directives: {
    tunnel_rebalance: {
      contexts: ['upstream'],
      takes: custom('off | on [share=percentage] [spread=time] [timeout=time]', 1, 4, parseRebalance),
      default: 'off',
      inherit: 'none',
      doc: 'Whether WebSockets are moved when a server joins the group: it is added by a reload, the API, or the resolution of a name (`resolve`), or it is available again after it has failed, was ejected (`outlier_ejection`) or was `down`. `tsproxy ctl rebalance` does the same on request. Without the directive, such a server only gets new connections, while the other servers keep theirs. The oldest WebSockets of the server with the most tunnels relative to its weight receive a Close frame with code 1012 (service restart) and the reason `rebalancing`, as described under `tunnel_drain`, until the servers have equal shares; their clients connect again, and the load balancing method selects a server for each. `share` (10%) is the maximum part of the tunnels of the group in each worker that is moved at the same time; if this is less than one tunnel, none is moved. The Close frames are spread evenly over the time `spread` (30s); a WebSocket that is still open `timeout` (5s) after its Close frame was due is closed. Tunnels of other protocols are not moved. Use `least_conn`, so that the clients reach the new server; with `ip_hash`, `hash` and `sticky` they return to their previous server.',
      example: 'tunnel_rebalance on share=20% spread=1m;',
    },
  },
  http(_conf, http, compiler) {
    for (const { block, upstream } of configuredUpstreams(http, 'tunnel_rebalance', compiler)) {
      const settings = compiler.conf(module, block).tunnel_rebalance;
      if (settings === null) continue;
      upstream.rebalancing = new Rebalancer(upstream, settings, compiledTunnels(compiler), compiler.errorLog);
    }
  },
});
export default module;

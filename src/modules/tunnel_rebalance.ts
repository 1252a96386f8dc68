/** `tunnel_rebalance`: WebSockets move to servers that join their upstream. */
import type { Word } from '../../grammar/syntax-tree.js';
import { custom } from '../config/argument-types.js';
import type { ArgumentContext } from '../config/directive.js';
import { parseMilliseconds } from '../config/units.js';
import { defineModule } from '../program/module.js';
import { Rebalancer, type RebalanceSettings } from '../tunnel/rebalancer.js';
import { compiledTunnels } from '../tunnel/tunnels.js';
import { configuredUpstreams } from '../upstream/configured.js';

const DEFAULT: RebalanceSettings = { share: 0.1, spread: 30_000, timeout: 5000 };

const HELP: Readonly<Record<keyof RebalanceSettings, string>> = {
  share: 'a percentage above 0, up to 100%',
  spread: 'a time such as 500ms, 30s or 5m',
  timeout: 'a time such as 500ms or 5s, above 0',
};

function parsePercentage(text: string): number | null {
  const [, digits] = /^(\d+(?:\.\d+)?)%$/.exec(text) ?? [];
  const share = Number(digits) / 100;
  return share > 0 && share <= 1 ? share : null;
}

function parseValue(name: keyof RebalanceSettings, text: string): number | null {
  if (name === 'share') return parsePercentage(text);
  const time = parseMilliseconds(text);
  return name === 'timeout' && time === 0 ? null : time;
}

function parseRebalance([first, ...parameters]: readonly Word[], c: ArgumentContext): RebalanceSettings | null {
  if (first === undefined) throw new Error('tunnel_rebalance was given no words');
  const on = first.text.toLowerCase();
  if (on !== 'on' && on !== 'off') {
    const message = `invalid value "${first.text}" in "${c.directive}" directive, it must be "on" or "off"`;
    c.fail(first, 'invalid-value', message);
  }
  const found: { -readonly [K in keyof RebalanceSettings]?: number } = {};
  for (const word of parameters) {
    const [, name = '', text = ''] = /^([a-z]+)=(.*)$/s.exec(word.text) ?? [];
    if (!isParameter(name) || on === 'off') {
      const help = on === 'off' ? '"off" takes no parameters' : 'valid parameters: share=N%, spread=TIME, timeout=TIME';
      return c.fail(word, 'invalid-value', `invalid parameter "${word.text}"`, { help });
    }
    if (found[name] !== undefined) {
      c.report(word, 'duplicate-value', `duplicate parameter "${name}"`, { severity: 'warning' });
    }
    const value = parseValue(name, text);
    if (value === null) {
      return c.fail(word, 'invalid-value', `invalid value "${text}" in "${name}" parameter`, { help: HELP[name] });
    }
    found[name] = value;
  }
  return on === 'off' ? null : { ...DEFAULT, ...found };
}

function isParameter(name: string): name is keyof RebalanceSettings {
  return Object.hasOwn(HELP, name);
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
      doc: 'Whether WebSockets are moved when a server joins the group: it is added by a reload, the API, or the resolution of a name (`resolve`), or it is available again after it has failed or was `down`. Without the directive, such a server only gets new connections, while the other servers keep theirs. The oldest WebSockets of the server with the most tunnels relative to its weight receive a Close frame with code 1012 (service restart) and the reason `rebalancing`, as described under `tunnel_drain`, until the servers have equal shares; their clients connect again, and the load balancing method selects a server for each. `share` (10%) is the maximum part of the tunnels of the group in each worker that is moved at the same time; if this is less than one tunnel, none is moved. The Close frames are spread evenly over the time `spread` (30s); a WebSocket that is still open `timeout` (5s) after its Close frame was due is closed. Tunnels of other protocols are not moved. Use `least_conn`, so that the clients reach the new server; with `ip_hash`, `hash` and `sticky` they return to their previous server.',
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

/** `tunnel_drain`: how tunnels end that a reload or a shutdown cannot keep. */
import type { Word } from '../../grammar/syntax-tree.js';
import { custom } from '../config/argument-types.js';
import type { ArgumentContext } from '../config/directive.js';
import { parseMilliseconds } from '../config/units.js';
import { defineModule } from '../exchange/module.js';

/** Times in ms. */
interface DrainData {
  readonly spread: number;
  readonly timeout: number;
}

const DEFAULT: DrainData = { spread: 5000, timeout: 5000 };

function parseDrain(words: readonly Word[], c: ArgumentContext): DrainData | null {
  const [first, ...parameters] = words as readonly [Word, ...Word[]]; // one word at least: `min`
  const on = first.text.toLowerCase();
  if (on !== 'on' && on !== 'off') {
    c.fail(
      first,
      'invalid-value',
      `invalid value "${first.text}" in "${c.directive}" directive, it must be "on" or "off"`,
    );
  }
  const found: { spread?: number; timeout?: number } = {};
  for (const word of parameters) {
    const [, name, time = ''] = /^(spread|timeout)=(.*)$/s.exec(word.text) ?? [];
    if ((name !== 'spread' && name !== 'timeout') || on === 'off') {
      return c.fail(word, 'invalid-value', `invalid parameter "${word.text}"`, {
        help: on === 'off' ? 'with "off" there is nothing to set' : 'it takes spread=TIME and timeout=TIME',
      });
    }
    if (found[name] !== undefined) {
      c.report(word, 'duplicate-value', `duplicate parameter "${name}"`, { severity: 'warning' });
    }
    const value = parseMilliseconds(time);
    if (value === null || (name === 'timeout' && value === 0)) {
      return c.fail(word, 'invalid-value', `invalid value "${time}" in "${name}" parameter`, {
        help: 'a time is a number of seconds, or numbers with units in descending order: 500ms, 30s, 1h30m',
      });
    }
    found[name] = value;
  }
  return on === 'off' ? null : { ...DEFAULT, ...found };
}

export default defineModule({
  name: 'tunnel_drain',
  doc: 'How tunnels (WebSockets) end that a reload or a shutdown cannot keep: with a Close frame that tells the client to connect again, instead of a connection that breaks. A directive of tsproxy; nginx has none like it.',
  directives: {
    tunnel_drain: {
      contexts: ['http', 'server', 'location'],
      takes: custom('off | on [spread=time] [timeout=time]', 1, 3, parseDrain),
      default: 'off',
      doc: 'What becomes of the tunnels of a location when a reload takes the location away or changes what it means (its directives, or the server of the upstream to which a tunnel leads), and at a graceful shutdown (`QUIT`). Where `off`, they go on until they end by themselves; after `QUIT`, as in nginx, at most for `worker_shutdown_timeout`, which then cuts them without a word. Where `on`, they are closed one after the other, evenly over the time `spread` (5s), so that clients do not all come back at once. A WebSocket gets a Close frame, 1012 (service restart) at a reload and 1001 (going away) at a shutdown: first the client, behind the message that it is receiving, and when it has answered (or half of `timeout` is over) the upstream, so that what the client had sent still arrives; then both connections end. A message that does not end in three quarters of that time is waited for no longer, and the frame comes between two of its frames. What has not ended `timeout` (5s) after its Close frame was due is cut; tunnels of other protocols have no frames, and are cut then too. A `worker_shutdown_timeout` that is shorter brings the Close frames closer together. It holds for tunnels that begin under it. Tunnels of locations that a reload leaves as they are know nothing of it.',
      example: 'tunnel_drain on spread=30s timeout=10s;',
    },
  },
  settings(conf, { program }) {
    program.settings.tunnelDrain = conf.tunnel_drain;
  },
});

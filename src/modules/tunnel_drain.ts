/** `tunnel_drain`: clean shutdown of tunnels that a reload or a shutdown closes. */

import type { Word } from '../../grammar/syntax-tree.js';
import { custom, TIME_HELP } from '../config/argument-types.js';
import type { ArgumentContext } from '../config/directive.js';
import { parseSwitch } from '../config/switch-argument.js';
import { parseMilliseconds, parsePositiveMilliseconds } from '../config/units.js';
import { defineModule } from '../program/module.js';
import { TUNNEL_DRAIN } from '../tunnel/drain.js';

/** Times in ms. */
interface DrainData {
  readonly spread: number;
  readonly timeout: number;
}

const DEFAULT: DrainData = { spread: 5000, timeout: 5000 };

const PARAMETERS = {
  spread: { value: 'TIME', parse: parseMilliseconds, help: TIME_HELP },
  timeout: { value: 'TIME', parse: parsePositiveMilliseconds, help: TIME_HELP },
};

function parseDrain(words: readonly Word[], c: ArgumentContext): DrainData | null {
  const found = parseSwitch(words, PARAMETERS, c);
  return found === null ? null : { ...DEFAULT, ...found };
}

export default defineModule({
  name: 'tunnel_drain',
  doc: 'Closes tunnels (WebSockets) that a reload or a shutdown cannot keep with a Close frame that asks the client to reconnect, instead of dropping the connection. This is an extension of tsproxy; nginx has no such directive.',
  directives: {
    tunnel_drain: {
      contexts: ['http', 'server', 'location'],
      takes: custom('off | on [spread=time] [timeout=time]', 1, 3, parseDrain),
      default: 'off',
      doc: 'Controls how tunnels of a location are closed at a graceful shutdown (`QUIT`), and when a reload removes the location or changes its meaning (its directives, or the server of the upstream to which a tunnel is connected). With `off`, tunnels continue at a reload until they close by themselves; at a graceful shutdown, WebSockets are closed as described under `websocket_close`, and other tunnels continue, as in nginx, at most for `worker_shutdown_timeout`. With `on`, tunnels are closed one after the other, evenly over the time `spread` (5s), so that clients do not reconnect all at once. A WebSocket gets a Close frame with code 1012 (service restart) at a reload or 1001 (going away) at a shutdown. It is sent first to the client, after the message in transmission, and, when the client has replied (or after half of `timeout`), to the upstream, so that data already sent by the client still arrives; then both connections are closed. If a message does not end within three quarters of that time, the Close frame is sent between two of its frames. A tunnel that is still open `timeout` (5s) after its Close frame was due is closed; tunnels of other protocols have no frames and are closed at that time, too. A shorter `worker_shutdown_timeout` compresses the schedule of Close frames. The directive applies to tunnels that are established while it is in effect. A reload does not affect tunnels of locations that it leaves unchanged.',
      example: 'tunnel_drain on spread=30s timeout=10s;',
    },
  },
  // A change of how tunnels end is no reason to end them.
  tunnelContinues: (change) => change === 'tunnel_drain',
  settings(conf, { program }) {
    program.settings.set(TUNNEL_DRAIN, conf.tunnel_drain);
  },
});

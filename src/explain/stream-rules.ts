/** Directives that apply to the WebSocket, the tunnel or the event stream that a response begins, with their effects. */
import type { HttpExchange } from '../exchange/exchange.js';
import { isEventStream } from '../http/event-reader.js';
import { TUNNEL_LIFETIME, WEBSOCKET, type WebSocketSettings } from '../tunnel/websocket-settings.js';
import { EVENT_STREAMS, type EventStreamSettings, type ReconnectSettings } from '../upstream/event-stream-settings.js';
import type { DirectiveInForce, ExplainedRule, ExplainedStream } from './explanation.js';
import { duration, statementIn } from './upstream-rules.js';
import type { WrittenBlocks } from './written-blocks.js';

/** A directive, and its effect if it has one. */
type Effect = readonly [directive: string, effect: string | null];

/** Modules whose directives concern the frames and messages of a WebSocket. */
const MESSAGE_MODULES: ReadonlySet<string> = new Set(['websocket_limit', 'websocket_message']);

/** `head`: of the response that the client receives; `answer`: of the upstream's. Returns null if it begins none of them. */
export function streamOf(
  { location }: HttpExchange,
  head: string,
  answer: string,
  directives: readonly DirectiveInForce[],
  written: WrittenBlocks,
): ExplainedStream | null {
  const { settings, block } = location;
  const chain = block === null ? [] : written.chain(block);
  const rules = (effects: readonly Effect[]): ExplainedRule[] =>
    effects.flatMap(([name, effect]) =>
      effect === null ? [] : [{ directive: statementIn(chain, name, written), effect }],
    );
  if (/^HTTP\/\S+ 101/.test(head)) {
    if (/^Upgrade: *websocket *\r$/im.test(head)) {
      const messages = directives.filter(({ module, used }) => used && MESSAGE_MODULES.has(module));
      return {
        kind: 'WebSocket',
        unchanged: null,
        rules: [
          ...rules(ofWebSocket(settings.get(WEBSOCKET))),
          ...messages.flatMap(({ statements }) =>
            statements.map((directive) => ({ directive, effect: 'applies to its frames or messages' })),
          ),
        ],
      };
    }
    const lifetime = settings.get(TUNNEL_LIFETIME);
    return {
      kind: 'tunnel',
      unchanged: null,
      rules: rules([['tunnel_lifetime', lifetime === 0 ? null : `closed at the age of ${duration(lifetime)}`]]),
    };
  }
  if (answer === '' || !/^HTTP\/\S+ 200/.test(head) || !isEventStream(fieldOf(head, 'Content-Type'))) return null;
  const unchanged = whyUnchanged(answer);
  return {
    kind: 'event stream',
    unchanged,
    rules: unchanged === null ? rules(ofEventStream(settings.get(EVENT_STREAMS))) : [],
  };
}

function fieldOf(head: string, name: string): string | null {
  return new RegExp(`^${name}: *([^\\r]*)`, 'im').exec(head)?.[1] ?? null;
}

function ofWebSocket(settings: WebSocketSettings): Effect[] {
  const { close, closeOnViolation, pingInterval, pingTimeout, idleTimeout, expire, expireCode, expireJwt } = settings;
  const ping = `both ends are pinged every ${duration(pingInterval)}, and are dead if they have not answered after ${duration(pingTimeout)}`;
  return [
    ['websocket_close', close ? null : 'its connections are closed without Close frames'],
    ['websocket_protocol_error', closeOnViolation ? 'an invalid frame closes it with code 1002' : null],
    ['websocket_ping_interval', pingInterval > 0 ? ping : null],
    [
      'websocket_idle_timeout',
      idleTimeout > 0 ? `closed with code 1001 after ${duration(idleTimeout)} without a message` : null,
    ],
    ['websocket_expire', expire > 0 ? `closed with code ${expireCode} at the age of ${duration(expire)}` : null],
    ['websocket_expire_jwt', expireJwt === null ? null : `closed with code ${expireJwt} when the token expires`],
  ];
}

/** Reason why nothing is inserted into an event stream with this head; null if there is none. */
function whyUnchanged(answer: string): string | null {
  const coding = fieldOf(answer, 'Content-Encoding')?.toLowerCase() ?? 'identity';
  if (coding !== 'identity') return 'the upstream server has compressed it';
  return fieldOf(answer, 'Content-Length') === null ? null : 'its length is declared';
}

function ofEventStream({ heartbeat, retry, error, reconnect }: EventStreamSettings): Effect[] {
  return [
    ['sse_heartbeat', heartbeat > 0 ? `a comment is sent after ${duration(heartbeat)} without data` : null],
    ['sse_retry', retry >= 0 ? `clients are told to reconnect after ${duration(retry)}` : null],
    ['sse_reconnect', reconnect === null ? null : reconnectEffect(reconnect)],
    ['sse_error', error === null ? null : 'if it ends in a failure of the upstream, an event "error" is sent'],
  ];
}

function reconnectEffect({ attempts, time, withoutIds }: ReconnectSettings): string {
  const ids = withoutIds ? '' : '; not if its events have no ids';
  return `if it ends or fails, it is requested again, up to ${attempts} times within ${duration(time)}${ids}`;
}

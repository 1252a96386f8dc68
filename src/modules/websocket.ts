/** Life cycle of WebSockets: pings, Close frames, times, and invalid frames. */

import type { Word } from '../../grammar/syntax-tree.js';
import { choice, custom, milliseconds, positiveMilliseconds, TIME_HELP } from '../config/argument-types.js';
import type { Context } from '../config/directive.js';
import { namedValues, parseSwitch } from '../config/switch-argument.js';
import { parseInteger, parsePositiveMilliseconds } from '../config/units.js';
import { defineModule } from '../program/module.js';
import { WEBSOCKET } from '../tunnel/websocket-settings.js';
import { websocketVariables } from '../tunnel/websocket-variables.js';
import { maySend } from '../websocket/close-codes.js';

const CONTEXTS = ['http', 'server', 'location'] as const satisfies readonly Context[];

function parseCode(text: string): number | null {
  const code = /^\d{4}$/.test(text) ? parseInteger(text) : null;
  return code !== null && maySend(code) ? code : null;
}

const TIMEOUT = { value: 'TIME', parse: parsePositiveMilliseconds, help: TIME_HELP };
const CODE = {
  value: 'NUMBER',
  parse: parseCode,
  help: 'valid status codes of a Close frame: 1000 to 1003, 1007 to 1014, 3000 to 4999',
};

interface CloseData {
  readonly on: boolean;
  readonly timeout: number;
}

const CLOSE_TIMEOUT = 5000;

const close = custom('off | on [timeout=time]', 1, 2, (words, c): CloseData => {
  const found = parseSwitch(words, { timeout: TIMEOUT }, c);
  return { on: found !== null, timeout: found?.timeout ?? CLOSE_TIMEOUT };
});

interface ExpireData {
  readonly time: number;
  readonly code: number;
}

const expire = custom('time [code=number]', 1, 2, (words, c): ExpireData => {
  const [first, ...rest] = words as readonly [Word, ...Word[]]; // one word at least: `min`
  const time = milliseconds.parse([first], c);
  return { time, code: namedValues(rest, { code: CODE }, c).code ?? 1000 };
});

const expireJwt = custom('off | on [code=number]', 1, 2, (words, c): number | null => {
  const found = parseSwitch(words, { code: CODE }, c);
  return found === null ? null : (found.code ?? 1008);
});

const EXTENSION = 'This is an extension of tsproxy; nginx has no such directive.';

export default defineModule({
  name: 'websocket',
  doc: 'Life cycle of proxied WebSockets: Close frames at their end, pings, and time limits. After a reload that leaves the rest of a location unchanged, new settings also apply to its open WebSockets.',
  directives: {
    websocket_close: {
      contexts: CONTEXTS,
      takes: close,
      default: 'on',
      differs:
        'nginx ends tunnels by closing their connections. With `on`, which is the default, both ends of a WebSocket receive a Close frame first, and `QUIT` closes WebSockets instead of waiting for them.',
      doc: `Sends a Close frame to both ends whenever the proxy ends a WebSocket, at the end of the frame in transmission: 1001 at a shutdown, when the client's connection is lost or a timeout expires (to the other end), 1014 when the connection to the upstream server is lost, and the codes of the directives that close WebSockets. An end that has sent a Close frame itself receives its own code. If the connection of one end is lost in the middle of a frame, the other end's connection is closed without a Close frame, and the error log says so. \`timeout\` (5s) is the time for which an end may answer a Close frame before its connection is closed. A graceful shutdown (\`QUIT\`) closes WebSockets with code 1001, spread over 5 seconds, or in the last seconds of \`worker_shutdown_timeout\` if that is set; \`tunnel_drain\` changes this schedule. With \`off\`, as in nginx, connections are closed without Close frames, and \`QUIT\` waits until WebSockets end by themselves. ${EXTENSION}`,
      example: 'websocket_close off;',
    },
    websocket_protocol_error: {
      contexts: CONTEXTS,
      takes: choice('log', 'close'),
      default: 'log',
      doc: `Determines what happens when an end sends a frame that violates RFC 6455: a reserved bit without an extension, an unknown opcode, a frame of a client without mask or of a server with one, a control frame that is fragmented or longer than 125 bytes, a continuation without a message, or a new message before the end of the previous one. Such frames are counted, and each kind is logged once for each end and WebSocket. With \`log\` they are forwarded, as by nginx; with \`close\` they are not, and both ends receive a Close frame with code 1002. A length with its highest bit set always closes the WebSocket, because the next frame cannot be located; a length that is not encoded in the shortest form is only counted and logged. ${EXTENSION}`,
      example: 'websocket_protocol_error close;',
    },
    websocket_ping_interval: {
      contexts: CONTEXTS,
      takes: milliseconds,
      default: '0',
      doc: `Interval at which both ends of a WebSocket are sent a ping; \`0\` disables pings. A ping waits for the end of the frame in transmission, and is omitted for an end that does not read. Pongs that answer it are not forwarded; they are used to measure the round trip. Pings prevent \`proxy_read_timeout\` from expiring. The first ping follows after half of the interval at the earliest, so that WebSockets that were opened together are not pinged together. ${EXTENSION}`,
      example: 'websocket_ping_interval 30s;',
    },
    websocket_ping_timeout: {
      contexts: CONTEXTS,
      takes: positiveMilliseconds,
      default: '20s',
      doc: `Time in which an end must answer a ping of \`websocket_ping_interval\`. If it has not answered, and nothing else has arrived from it, its connection is considered dead and closed. The other end receives a Close frame with code 1001 if the client is dead, 1014 if the upstream server is dead. ${EXTENSION}`,
      example: 'websocket_ping_timeout 10s;',
    },
    websocket_idle_timeout: {
      contexts: CONTEXTS,
      takes: milliseconds,
      default: '0',
      doc: `Closes a WebSocket with code 1001 if no part of a message has arrived from either end for this time; \`0\` disables the limit. Pings and pongs do not count, unlike for \`proxy_read_timeout\`. ${EXTENSION}`,
      example: 'websocket_idle_timeout 10m;',
    },
    websocket_expire: {
      contexts: CONTEXTS,
      takes: expire,
      default: '0',
      doc: `Closes a WebSocket at this age, however active it is, with code 1000 or the one given; \`0\` means unlimited. Messages in transmission are completed. ${EXTENSION}`,
      example: 'websocket_expire 12h code=4000;',
    },
    websocket_expire_jwt: {
      contexts: CONTEXTS,
      takes: expireJwt,
      default: 'off',
      doc: `Closes a WebSocket when the token with which \`auth_jwt\` allowed its request expires (claim \`exp\`, plus \`auth_jwt_leeway\`), with code 1008 (policy violation) or the one given. Tokens without \`exp\` do not expire. ${EXTENSION}`,
      example: 'websocket_expire_jwt on code=4401;',
    },
  },
  variables: websocketVariables,
  // New settings apply to open WebSockets.
  tunnelContinues: (change) => DIRECTIVES.has(change),
  settings(conf, { program }) {
    const { websocket_close: closing, websocket_expire: expiry } = conf;
    program.settings.set(WEBSOCKET, {
      close: closing.on,
      closeTimeout: closing.timeout,
      closeOnViolation: conf.websocket_protocol_error === 'close',
      pingInterval: conf.websocket_ping_interval,
      pingTimeout: conf.websocket_ping_timeout,
      idleTimeout: conf.websocket_idle_timeout,
      expire: expiry.time,
      expireCode: expiry.code,
      expireJwt: conf.websocket_expire_jwt,
    });
  },
});

const DIRECTIVES: ReadonlySet<string> = new Set([
  'websocket_close',
  'websocket_protocol_error',
  'websocket_ping_interval',
  'websocket_ping_timeout',
  'websocket_idle_timeout',
  'websocket_expire',
  'websocket_expire_jwt',
]);

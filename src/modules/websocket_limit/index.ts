/** Limits of WebSockets: sizes, fragments, opcodes, rates. An extension of tsproxy. */
import { bitmask, choice, custom, flag, integer, offset } from '../../config/argument-types.js';
import type { Context, Directives } from '../../config/directive.js';
import {
  checkKeyedZones,
  checkZoneReferences,
  type KeyedZoneData,
  parseKeyedZone,
  zoneParameter,
} from '../../config/zone-argument.js';
import { defineModule } from '../../program/module.js';
import { keyedZone, openKeyedZones } from '../../program/zones.js';
import { type StageFactory, TUNNEL_STAGES } from '../../tunnel/stages.js';
import { CheckedStage } from '../../websocket/checked-stage.js';
import { LIMITS, Limiter, type Limits, opcodeBits, type Rate, STATUS } from './limiter.js';
import { type RateData, rateArgument } from './rate-argument.js';

const CONTEXTS = ['http', 'server', 'location'] as const satisfies readonly Context[];
const EXTENSION = 'This is an extension of tsproxy; nginx has no such directive.';
const ZONE = 'websocket_limit_zone $binary_remote_addr zone=chat:10m;';

const directives = {
  websocket_limit_zone: {
    contexts: ['http'],
    takes: custom('key zone=name:size [store=name [store_failure=local | open | closed]]', 2, 4, (words, c) =>
      parseKeyedZone('websocket_limit', words, c),
    ),
    repeat: true,
    links: ({ zone }: KeyedZoneData) => ({ name: `zone ${zone.name}` }),
    doc: `Declares a zone that counts the messages and bytes of each key over all its WebSockets (and all workers), for the parameter \`zone\` of \`websocket_limit_messages\` and \`websocket_limit_bytes\`. The key is evaluated when a WebSocket opens; an empty key is not counted. When a zone is full, the least recently used key is removed. With \`store\`, the WebSockets of all machines with the same \`zone_store\` count together ([cluster.md](../cluster.md)). While the store does not respond, \`store_failure\` applies: with \`local\` (the default), each machine has its share of the rates; with \`open\`, messages are not limited; with \`closed\`, a message closes its WebSocket. ${EXTENSION}`,
    example: ZONE,
  },
  websocket_limit_from: {
    contexts: CONTEXTS,
    takes: choice('client', 'upstream', 'both'),
    default: 'client',
    doc: `The sender whose frames are limited by the other directives of this module. ${EXTENSION}`,
    example: 'websocket_limit_from both;',
  },
  websocket_max_message_size: {
    contexts: CONTEXTS,
    takes: offset,
    default: '0',
    doc: `Maximum size of a message, the sum of its fragments; 0 means unlimited. A larger one closes the WebSocket with 1009 (message too big) at the header of the frame that exceeds the limit, before its payload arrives. If messages are compressed (permessage-deflate), the compressed size counts. ${EXTENSION}`,
    example: 'websocket_max_message_size 1m;',
  },
  websocket_max_frame_size: {
    contexts: CONTEXTS,
    takes: offset,
    default: '0',
    doc: `Maximum size of the payload of a frame; 0 means unlimited. A larger one closes the WebSocket with 1009. ${EXTENSION}`,
    example: 'websocket_max_frame_size 64k;',
  },
  websocket_max_fragments: {
    contexts: CONTEXTS,
    takes: integer(),
    default: '0',
    doc: `Maximum number of frames of a message; 0 means unlimited. A further one closes the WebSocket with 1008 (policy violation). Without a limit, a client may send any number of empty fragments. ${EXTENSION}`,
    example: 'websocket_max_fragments 1000;',
  },
  websocket_opcodes: {
    contexts: CONTEXTS,
    takes: bitmask('text', 'binary', 'ping', 'pong'),
    doc: `Permitted types of frames; continuations of permitted messages and Close frames are always permitted. A message of another type closes the WebSocket with 1003 (unsupported data), another control frame with 1008. By default all are permitted. ${EXTENSION}`,
    example: 'websocket_opcodes text ping pong;',
  },
  websocket_limit_messages: {
    contexts: CONTEXTS,
    takes: rateArgument('messages'),
    repeat: true,
    links: ({ zone }: RateData) => (zone === null ? {} : { refers: [`zone ${zone}`] }),
    doc: `Limits the rate of messages of each WebSocket, or, with \`zone\`, of all WebSockets with the same key together. Pings and pongs count as messages. \`burst\` is the number of messages that may arrive at once (by default that of the rate). Beyond it, the WebSocket is closed with 1008 (policy violation), or with \`code=1013\` (try again later); with \`delay\`, messages are delayed until they conform to the rate, and reading from the sender is paused. The directive may be repeated; a block that sets it inherits none from the enclosing level. ${EXTENSION}`,
    example: 'websocket_limit_messages 100/s burst=200;',
  },
  websocket_limit_bytes: {
    contexts: CONTEXTS,
    takes: rateArgument('bytes'),
    repeat: true,
    links: ({ zone }: RateData) => (zone === null ? {} : { refers: [`zone ${zone}`] }),
    doc: `Limits the rate of payload bytes, like \`websocket_limit_messages\`. A frame counts when it begins, with its whole size; one that is larger than \`burst\` exceeds the limit. ${EXTENSION}`,
    example: 'websocket_limit_bytes 64k/s burst=1m delay;',
  },
  websocket_limit_log_level: {
    contexts: CONTEXTS,
    takes: choice('info', 'notice', 'warn', 'error'),
    default: 'error',
    doc: `The level at which WebSockets that exceed a limit are logged: each limit once for each WebSocket. ${EXTENSION}`,
    example: 'websocket_limit_log_level warn;',
  },
  websocket_limit_dry_run: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    doc: `Dry run: everything is counted, and WebSockets that exceed a limit are logged, but neither delayed nor closed. ${EXTENSION}`,
    example: 'websocket_limit_dry_run on;',
  },
  websocket_limit_fail_open: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'on',
    doc: `Handling of messages that are counted in a zone while the master process, which counts for all workers, does not respond. With \`on\` they pass without being counted; with \`off\` the WebSocket is closed. ${EXTENSION}`,
    example: 'websocket_limit_fail_open off;',
  },
} as const satisfies Directives;

/** Creates the stage of one direction, if its sender is limited. */
const openStage: StageFactory = (x, direction, host) => {
  const limits = x.location.settings.get(LIMITS);
  const sender = direction === 'up' ? 'client' : 'upstream';
  if (limits === null || (limits.from !== 'both' && limits.from !== sender)) return null;
  if (x.state(STATUS) === undefined) x.setState(STATUS, 'PASSED');
  return new CheckedStage(host, (services) => [new Limiter(x, sender, services)]);
};

export default defineModule({
  name: 'websocket_limit',
  doc: 'Limits the frames and messages of WebSockets: sizes, fragments, opcodes, and rates per WebSocket or per key. The number of WebSockets per key is limited by `limit_conn`, and per upstream server by the parameter `max_conns` of `server`: both count a WebSocket until it closes.',
  directives,
  variables: {
    websocket_limit_status: {
      get: (x) => x.state(STATUS),
      doc: 'Result of the limits of a WebSocket, in logs: `PASSED`, `DELAYED`, `REJECTED`, `DELAYED_DRY_RUN` or `REJECTED_DRY_RUN`.',
    },
  },
  check(block, c) {
    checkKeyedZones('websocket_limit', 'websocket_limit_zone', block, c);
    for (const name of ['websocket_limit_messages', 'websocket_limit_bytes']) {
      checkZoneReferences('websocket_limit', name, block, zoneParameter, c);
    }
  },
  http(conf, _block, compiler) {
    openKeyedZones(compiler, conf.websocket_limit_zone, 'websocket_limit_zone');
  },
  // Open WebSockets move to a table with other limits, which apply to them.
  tunnelContinues: (change) => Object.hasOwn(directives, change),
  settings(conf, { program, compiler }) {
    const rates = (unit: Rate['unit'], list: readonly RateData[]): Rate[] =>
      list.map((data) => ({
        ...data,
        unit,
        keyedZone: data.zone === null ? null : keyedZone(compiler, data.zone),
      }));
    const limits: Limits = {
      from: conf.websocket_limit_from,
      messageSize: conf.websocket_max_message_size,
      frameSize: conf.websocket_max_frame_size,
      fragments: conf.websocket_max_fragments,
      opcodes: conf.websocket_opcodes === undefined ? -1 : opcodeBits(conf.websocket_opcodes),
      rates: [...rates('messages', conf.websocket_limit_messages), ...rates('bytes', conf.websocket_limit_bytes)],
      dryRun: conf.websocket_limit_dry_run,
      level: conf.websocket_limit_log_level,
      failOpen: conf.websocket_limit_fail_open,
      backend: compiler.zones,
    };
    const { messageSize, frameSize, fragments, opcodes } = limits;
    if (messageSize + frameSize + fragments === 0 && opcodes < 0 && limits.rates.length === 0) return;
    program.settings.set(LIMITS, limits);
    program.settings.set(TUNNEL_STAGES, [...program.settings.get(TUNNEL_STAGES), openStage]);
  },
});

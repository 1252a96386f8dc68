/** Functions of scripts that observe requests and messages without delaying them. An extension of tsproxy. */
import { offset, orOff } from '../config/argument-types.js';
import type { Context, Directives } from '../config/directive.js';
import { type HttpExchange, httpExchange } from '../exchange/exchange.js';
import { callbackTime } from '../http/clock.js';
import type { HeaderBlock } from '../http/header-block.js';
import { logError } from '../program/error-context.js';
import { defineModule, type Handler } from '../program/module.js';
import { SettingsKey } from '../program/settings-key.js';
import { NEXT } from '../program/verdict.js';
import { checkFunctions } from '../scripting/check-functions.js';
import { functionName, IMPORTS_MAIN, NOT_IN_NJS } from '../scripting/function-name.js';
import { rawHeadersOut } from '../scripting/headers-out.js';
import { ObservationQueue } from '../scripting/messages/observation-queue.js';
import type { ObservedMessage, ObservedRequest, Side } from '../scripting/public-types.js';
import { requestOf } from '../scripting/request-object.js';
import type { ScriptFunction } from '../scripting/script-function.js';
import { type Scripts, scriptsOf } from '../scripting/scripts.js';
import { textOf } from '../scripting/text.js';
import { type StageFactory, TUNNEL_STAGES } from '../tunnel/stages.js';
import { acceptOffer, acceptResponse, loadDeflate } from '../websocket/deflate.js';
import { NEGOTIATED } from '../websocket/extension-offer.js';
import { ObservingStage } from '../websocket/observing-stage.js';

const CONTEXTS = ['http', 'server', 'location'] as const satisfies readonly Context[];

const directives = {
  js_observe: {
    contexts: CONTEXTS,
    takes: orOff(functionName),
    doc: `The function is called with the description of each request that has ended: method, target, host, client, fields, status, bytes, duration, upstream. It is called after the response was sent, and delays nothing; it may be \`async\`. The calls of a location are sequential. If more than 1 MiB of descriptions is queued, further ones are dropped, and counted by \`dropped\`. The end of a WebSocket is the end of its request. \`off\` cancels an inherited function. ${NOT_IN_NJS}`,
    example: 'js_observe main.audit;',
    exampleNeeds: IMPORTS_MAIN,
  },
  js_websocket_observe: {
    contexts: CONTEXTS,
    takes: orOff(functionName),
    doc: `The function is called with \`r\` and each message of a WebSocket, of both sides and as its sender has sent it, decompressed. Frames are passed on at once, whatever the function does; it may be \`async\`, and is called for the messages of a sender one after the other. If more than 1 MiB of them is queued, further ones are dropped, and counted by \`message.dropped\`. Messages are observed up to \`js_websocket_observe_size\`. ${NOT_IN_NJS}`,
    example: 'js_websocket_observe main.record;',
    exampleNeeds: IMPORTS_MAIN,
  },
  js_websocket_observe_size: {
    contexts: CONTEXTS,
    takes: offset,
    default: '1m',
    doc: `Maximum size of a message for \`js_websocket_observe\`, as received and decompressed. After a larger one the messages of its sender are no longer observed, which is logged; the WebSocket continues. ${NOT_IN_NJS}`,
    example: 'js_websocket_observe_size 16m;',
  },
} as const satisfies Directives;

interface MessageFunction {
  readonly fn: ScriptFunction;
  readonly scripts: Scripts;
  readonly maxMessage: number;
}

const OBSERVER = new SettingsKey<MessageFunction | null>('observer of messages', null);

function observed(from: Side, binary: boolean, data: Buffer, dropped: number): ObservedMessage {
  return {
    from,
    binary,
    data,
    get text() {
      return data.toString();
    },
    json: <T>() => JSON.parse(data.toString()) as T,
    time: callbackTime(),
    dropped,
  };
}

/** permessage-deflate of a sender's messages; null: they are not compressed. */
function inflaterOf(x: HttpExchange, from: Side, maxMessage: number) {
  const negotiated = x.state(NEGOTIATED);
  const field =
    negotiated === undefined
      ? (x.upstreamHeaders?.joined('sec-websocket-extensions') ?? '')
      : (negotiated[from]?.field ?? '');
  if (field === '') return null;
  const settings = { windowBits: 15, contextTakeover: true, maxMessage };
  try {
    return from === 'client' ? acceptOffer(field, settings) : acceptResponse(field, settings);
  } catch {
    // Another extension: compressed frames are then invalid, and observing ends.
    return null;
  }
}

const openStage: StageFactory = (x, direction, host) => {
  const script = x.location.settings.get(OBSERVER);
  if (script === null) return null;
  const { fn, scripts, maxMessage } = script;
  const from = direction === 'up' ? 'client' : 'upstream';
  const queue = new ObservationQueue(fn);
  const observer = {
    message: (binary: boolean, data: Buffer): void =>
      queue.add(x, data.length + 200, (dropped) => [requestOf(x, scripts), observed(from, binary, data, dropped)]),
    lost: (reason: string): void => logError(x, 'warn', `messages of the ${from} are no longer observed: ${reason}`),
  };
  const inflate = inflaterOf(x, from, maxMessage);
  return new ObservingStage(host, observer, { fromClient: direction === 'up', maxMessage, inflate });
};

function fieldsOf(block: HeaderBlock): [name: string, value: string][] {
  return Array.from({ length: block.count }, (_, i) => [textOf(block.name(i)), textOf(block.value(i))]);
}

/** Describes a request when it is logged: afterwards its fields are used for the next one. */
function describe(x: HttpExchange, dropped: number): ObservedRequest {
  const { response, client } = x;
  const fields = rawHeadersOut(x);
  if (response.contentType !== null) fields.unshift(['Content-Type', textOf(response.contentType)]);
  return {
    method: textOf(x.method),
    target: textOf(x.target),
    host: textOf(x.host),
    client: textOf(x.remoteAddress),
    headersIn: fieldsOf(x.headers),
    status: x.errorStatus !== 0 ? x.errorStatus : response.status,
    headersOut: fields,
    bytes: client.bodyBytesSent,
    started: Math.round(x.startTime),
    duration: Math.max(0, Math.round(callbackTime() - x.startTime)),
    upstream: textOf(x.attempts?.at(-1)?.address ?? ''),
    completed: x.completed || x.tunnelled,
    dropped,
  };
}

function observeRequests(fn: ScriptFunction): Handler {
  const queue = new ObservationQueue(fn);
  return (x) => {
    if (x.nested !== null) return NEXT;
    const exchange = httpExchange(x);
    queue.add(x, exchange.headers.text.length + 500, (dropped) => [describe(exchange, dropped)]);
    return NEXT;
  };
}

export default defineModule({
  name: 'js_observe',
  doc: 'Runs functions of scripts that observe requests and the messages of WebSockets, and delay nothing.',
  directives,
  check(block, c) {
    checkFunctions(block, c, { js_observe: 0, js_websocket_observe: 0 }, true);
  },
  settings(
    { js_websocket_observe: name = false, js_websocket_observe_size: maxMessage },
    { program, block, compiler },
  ) {
    if (name === false) return;
    const scripts = scriptsOf(compiler);
    const fn = scripts.function(block, name, 'js_websocket_observe');
    program.settings.set(OBSERVER, { fn, scripts, maxMessage });
    program.settings.set(TUNNEL_STAGES, [...program.settings.get(TUNNEL_STAGES), openStage]);
    compiler.whenServing(loadDeflate);
  },
  phases: {
    log: {
      order: 110,
      compile: ({ js_observe: name = false }, { block, compiler }) =>
        name === false ? null : observeRequests(scriptsOf(compiler).function(block, name, 'js_observe')),
    },
  },
});

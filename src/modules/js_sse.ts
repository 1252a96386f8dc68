/** Functions of scripts for server-sent events. An extension of tsproxy. */
import { orOff, size } from '../config/argument-types.js';
import type { Context, Directives } from '../config/directive.js';
import { isEventStream } from '../http/event-reader.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { defineModule } from '../program/module.js';
import { checkFunctions } from '../scripting/check-functions.js';
import { functionName, IMPORTS_MAIN, NOT_IN_NJS } from '../scripting/function-name.js';
import { ScriptEvent } from '../scripting/messages/server-sent-event.js';
import { requestOf } from '../scripting/request-object.js';
import { hasFailed, type ScriptFunction } from '../scripting/script-function.js';
import { failsOpen } from '../scripting/script-limits.js';
import { type Scripts, scriptsOf } from '../scripting/scripts.js';
import { EVENT_HANDLER, type EventDecision, type EventHandler } from '../upstream/event-handler.js';

const CONTEXTS = ['http', 'server', 'location'] as const satisfies readonly Context[];

const directives = {
  js_sse_event: {
    contexts: CONTEXTS,
    takes: orOff(functionName),
    doc: `The function is called with \`r\` and each event of responses with the type \`text/event-stream\`: it passes the event on unchanged, or calls \`event.replace()\`, \`drop()\`, \`split()\`, \`insert()\` or \`close()\`. Comments and heartbeats pass without a call. It may be \`async\`: events are handled one at a time and in order, while the upstream is paused. If it fails, the stream is ended, unless \`js_timeout\` has \`fail=open\`. Events that the upstream has compressed cannot be handled, and the response is 502: use \`proxy_set_header Accept-Encoding ""\`. The traffic tap has events as the upstream has sent them. \`off\` cancels an inherited function. ${NOT_IN_NJS}`,
    example: 'js_sse_event main.event;',
    exampleNeeds: IMPORTS_MAIN,
  },
  js_sse_event_buffer_size: {
    contexts: CONTEXTS,
    takes: size,
    default: '256k',
    doc: `Maximum size of an event for \`js_sse_event\`. A longer one ends the stream. ${NOT_IN_NJS}`,
    example: 'js_sse_event_buffer_size 1m;',
  },
} as const satisfies Directives;

const END: EventDecision = { bytes: Buffer.alloc(0), end: true };

class ScriptedEvents implements EventHandler {
  constructor(
    private readonly x: Exchange,
    private readonly fn: ScriptFunction,
    private readonly scripts: Scripts,
    readonly maxEvent: number,
  ) {}

  handle(bytes: Buffer): EventDecision | Promise<EventDecision> {
    const { x, fn, scripts } = this;
    const event = new ScriptEvent(bytes);
    const result = fn.run(x, [requestOf(x, scripts), event]);
    if (result instanceof Promise) {
      event.keepBytes();
      return result.then((settled) => this.decided(settled, event));
    }
    return this.decided(result, event);
  }

  private decided(result: unknown, event: ScriptEvent): EventDecision {
    if (!hasFailed(result)) return event.decided();
    return failsOpen(this.x) ? null : END;
  }

  tooLong(): void {
    logError(this.x, 'error', 'upstream sent an event that is longer than "js_sse_event_buffer_size"');
  }
}

/** Refuses events that cannot be read. */
function refuseEncoded(x: Exchange): number | undefined {
  const { response } = x;
  if (response.upstream === null || !isEventStream(response.contentType)) return undefined;
  if (response.contentCoding === '' || response.contentCoding === 'identity') return undefined;
  if (failsOpen(x)) return undefined;
  logError(x, 'error', 'upstream sent compressed events, which "js_sse_event" cannot handle');
  return 502;
}

export default defineModule({
  name: 'js_sse',
  doc: 'Runs functions of scripts for the events of event streams (server-sent events).',
  directives,
  check(block, c) {
    checkFunctions(block, c, { js_sse_event: 0 }, true);
  },
  settings({ js_sse_event: name = false, js_sse_event_buffer_size: maxEvent }, { program, block, compiler }) {
    if (name === false) return;
    const scripts = scriptsOf(compiler);
    const fn = scripts.function(block, name, 'js_sse_event');
    program.settings.set(EVENT_HANDLER, (x) => new ScriptedEvents(x, fn, scripts, maxEvent));
  },
  headerFilter: {
    order: 4,
    compile: ({ js_sse_event: name = false }) => (name === false ? null : refuseEncoded),
  },
});

/** Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). An extension of tsproxy. */
import type { Word } from '../../grammar/syntax-tree.js';
import { custom, either, milliseconds, positiveMilliseconds, template } from '../config/argument-types.js';
import type { ArgumentContext, Context, Directives } from '../config/directive.js';
import { parseSwitch } from '../config/switch-argument.js';
import { parsePositiveInteger, parsePositiveMilliseconds, parseSize } from '../config/units.js';
import type { Exchange } from '../program/exchange.js';
import { defineModule } from '../program/module.js';
import type { VariableSpec } from '../program/variable-spec.js';
import { EVENT_STREAM, type EventStream } from '../upstream/event-stream.js';
import {
  EVENT_STREAMS,
  type EventStreamCounts,
  eventStreamCounts,
  type ReconnectSettings,
} from '../upstream/event-stream-settings.js';

const CONTEXTS = ['http', 'server', 'location'] as const satisfies readonly Context[];

const DEFAULT: ReconnectSettings = {
  attempts: 20,
  time: 60_000,
  buffer: 65_536,
  withoutIds: false,
  nonIdempotent: false,
};

const PARAMETERS = {
  attempts: { value: 'NUMBER', parse: parsePositiveInteger },
  time: { value: 'TIME', parse: parsePositiveMilliseconds },
  buffer: { value: 'SIZE', parse: (text: string) => parseSize(text) || null },
  without_ids: null,
  non_idempotent: null,
};

function parseReconnect(words: readonly Word[], c: ArgumentContext): ReconnectSettings | null {
  const found = parseSwitch(words, PARAMETERS, c);
  if (found === null) return null;
  const { without_ids: withoutIds, non_idempotent: nonIdempotent, ...numbers } = found;
  return {
    ...DEFAULT,
    ...numbers,
    withoutIds: withoutIds !== undefined,
    nonIdempotent: nonIdempotent !== undefined,
  };
}

const directives = {
  sse_heartbeat: {
    contexts: CONTEXTS,
    takes: either('off', positiveMilliseconds),
    default: 'off',
    doc: 'Time without data after which a comment (`: heartbeat`) is sent to the clients of event streams, to prevent intermediaries from closing idle connections, and to detect clients that have disappeared without closing their connections. The comment is inserted between two events, never into one, and clients ignore it. It does not restart `proxy_read_timeout`: an upstream that sends nothing for that time still times out, unless it sends comments itself.',
    example: 'sse_heartbeat 15s;',
  },
  sse_retry: {
    contexts: CONTEXTS,
    takes: either('off', milliseconds),
    default: 'off',
    doc: 'Reconnection time that is sent to clients at the beginning of event streams (`retry:`): a browser whose stream ends waits that long before it reconnects. A `retry:` of the upstream follows it, and replaces it.',
    example: 'sse_retry 2s;',
  },
  sse_error: {
    contexts: CONTEXTS,
    takes: either('off', template),
    default: 'off',
    doc: 'Data of an event of the type `error` that is sent when the upstream fails in the middle of an event stream; the response then ends as if it were complete. Several lines become several lines of data. An event that is incomplete at that time is dropped; to make this possible, events of up to 64k are only passed on when they are complete. With `off`, the connection to the client is closed in the middle of the response.',
    example: `sse_error '{"code":502}';`,
  },
  sse_reconnect: {
    contexts: CONTEXTS,
    takes: custom(
      'off | on [attempts=number] [time=time] [buffer=size] [without_ids] [non_idempotent]',
      1,
      6,
      parseReconnect,
    ),
    default: 'off',
    doc: 'Whether an event stream of a client stays open when the upstream ends it or fails, for example during a restart. The request is then sent again, with `Last-Event-ID`, the id of the last event that the client has received, and the events of the new response follow in the same stream. Events that are repeated (with the same id and the same bytes as one of the last 128) are dropped. The first attempt is made after the reconnection time that the upstream has set (`retry:`); without one, after up to 100 ms, and the delay is doubled for each further attempt, up to 5 s. `attempts` (20) limits the number of consecutive requests without a new event, and `time` (60s) the time without an upstream; then the stream ends. It also ends if the response has a status below 500 other than 429, or is not an event stream: the client then reconnects and gets that response. A stream also ends if its worker is shutting down (`QUIT`), or a reload has removed its listening address. A stream that has sent events, but no ids, ends, so that the client notices that it may have missed events; with `without_ids` it is continued. A request whose field `Accept` names `text/event-stream`, as that of each `EventSource`, also waits if no server of the upstream is available when it arrives, and is sent again with the same delays and limits; then it gets the error (502 or 504), after which an `EventSource` does not reconnect. An error response of the upstream is passed on, and an open circuit breaker refuses the request at once. Requests with the methods POST, PATCH and LOCK are not sent again; with `non_idempotent` they are after a failure, but not after a complete response. Events are passed on when they are complete; events longer than `buffer` (64k) are passed on as they arrive, and the stream ends if the upstream fails within one.',
    example: 'sse_reconnect on time=2m;',
  },
} as const satisfies Directives;

/** A property of the response's event stream, or nothing if it is not one. */
function ofStream(value: (stream: EventStream) => string | number, doc: string): VariableSpec {
  return {
    get: (x: Exchange) => {
      const stream = x.state(EVENT_STREAM);
      return stream === undefined ? undefined : String(value(stream));
    },
    doc: `${doc} Empty if the response is not an event stream of an upstream.`,
  };
}

function count(name: keyof EventStreamCounts, doc: string): VariableSpec {
  return { get: () => String(eventStreamCounts[name]), doc };
}

export default defineModule({
  name: 'sse',
  doc: 'Server-sent events: responses of upstreams with the type `text/event-stream`. Each event is passed on immediately, with and without `proxy_buffering`, and if it is compressed; if the client disconnects, the request to the upstream is aborted, and if the upstream ends the stream, the response ends. The directives do not apply to a stream that the upstream has compressed, nor to one with a `Content-Length`, into which nothing can be inserted. Event streams are never stored (`proxy_store`). This is an extension of tsproxy; nginx has no such module.',
  directives,
  variables: {
    sse_events: ofStream((stream) => stream.events, 'Number of events sent to the client so far.'),
    sse_bytes: ofStream((stream) => stream.length, 'Bytes of the event stream so far, before compression.'),
    sse_heartbeats: ofStream((stream) => stream.heartbeats, 'Number of comments inserted by `sse_heartbeat`.'),
    sse_reconnects: ofStream(
      (stream) => stream.reconnects,
      'Number of responses with which `sse_reconnect` has continued the stream.',
    ),
    sse_replays: ofStream((stream) => stream.replays, 'Number of repeated events that were not sent again.'),
    sse_last_event_id: ofStream(
      (stream) => stream.lastEventId,
      'Id of the last event sent to the client; before the first one, that of the request.',
    ),
    sse_open: count('open', 'Number of event streams that are open in this worker.'),
    sse_waiting: count(
      'waiting',
      'Number of event streams that are open in this worker without an upstream, because `sse_reconnect` is requesting them again.',
    ),
  },
  settings(conf, { program, compiler }) {
    const { sse_heartbeat: heartbeat, sse_retry: retry, sse_error: error, sse_reconnect: reconnect } = conf;
    if (heartbeat === 'off' && retry === 'off' && error === 'off' && reconnect === null) return;
    program.settings.set(EVENT_STREAMS, {
      heartbeat: heartbeat === 'off' ? 0 : heartbeat,
      retry: retry === 'off' ? -1 : retry,
      error: error === 'off' ? null : compiler.template(error),
      reconnect,
    });
  },
});

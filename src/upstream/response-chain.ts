/** Chain of the sinks between the upstream and the exchange, as required by the head of the response. */
import type { CacheUse } from '../cache/cache-use.js';
import type { EntryHead } from '../cache/entry-head.js';
import { parseSize } from '../config/units.js';
import type { HttpExchange } from '../exchange/exchange.js';
import { tapId } from '../exchange/tapped.js';
import { isEventStream } from '../http/event-reader.js';
import { Field } from '../http/field-names.js';
import type { HeaderBlock } from '../http/header-block.js';
import type { UpstreamHead, UpstreamStream } from '../http/upstream-session.js';
import type { Producer } from '../program/body.js';
import { logError } from '../program/error-context.js';
import { CacheSink } from './cache-sink.js';
import { describeForwarded, passedCache, takeRanges } from './cached-response.js';
import { type Abandonable, EVENT_HANDLER, HandledEvents } from './event-handler.js';
import { EVENT_STREAM, type EventSource, EventStream, isEncoded } from './event-stream.js';
import { EVENT_STREAMS } from './event-stream-settings.js';
import type { ForwardingRules } from './forwarding-rules.js';
import { isRepeatable } from './next-upstream.js';
import { ReadingRate } from './reading-rate.js';
import { ResponseRelay } from './response-relay.js';
import { ExchangeSink, type ResponseSink } from './response-sink.js';
import { isBuffered } from './response-spool.js';
import { ResponseStore } from './response-store.js';

export class ResponseChain {
  /** Receives the response. */
  sink: ResponseSink;
  private readonly relay: ResponseRelay;
  /** The sink that resumes the upstream. */
  private first: { source: Producer };

  constructor(
    private readonly x: HttpExchange,
    private readonly rules: ForwardingRules,
    private readonly upstream: Producer & EventSource & Abandonable,
    /** null: the response is not cached. */
    private readonly cache: CacheUse | null,
  ) {
    const exchange = new ExchangeSink(x, upstream);
    this.relay = new ResponseRelay(x, rules.settings.spool, exchange, upstream);
    exchange.source = this.relay;
    this.sink = this.relay;
    this.first = this.relay;
  }

  /** Whether the response is being stored in the cache, and therefore read to its end. */
  stores = false;
  /** Head of its entry. */
  private entry: EntryHead | null = null;

  get buffered(): boolean {
    return this.relay.buffered;
  }

  /**
   * Prepares the head for the client, and the sinks of the body. `headAsked`: a response without body was requested.
   * `streaming`: the body of the request cannot be sent again. Returns the event stream if it is one.
   */
  begin(stream: UpstreamStream, headAsked: boolean, streaming: boolean): EventStream | null {
    const { x, rules } = this;
    const { head, declaredLength } = stream;
    const { response } = x;
    response.status = head.status;
    // HTTP/2 has no reason phrases.
    response.reason = head.version === 20 ? null : head.reason;
    // If `proxy_method HEAD` was sent for a client that expects a body, the length does not apply to its response.
    response.contentLength = headAsked && x.method !== 'HEAD' ? 0 : declaredLength;
    response.expectTrailers = rules.settings.passTrailers && stream.mayHaveTrailers && x.version >= 11;
    const isWhole = !headAsked && x.method !== 'HEAD' && head.status === 200;
    this.chooseSinks(head.headers, isWhole);
    if (this.cache !== null) this.storeInCache(this.cache, head);
    rules.responseHead(x, head);
    const { cache } = rules.settings;
    if (cache !== null && this.cache !== null) describeForwarded(x, this.cache, this.entry, cache);
    else if (cache !== null) passedCache(x, rules, cache, head);
    // Ranges and conditions are evaluated here: the upstream did not get the fields that request them.
    if (this.cache?.storable === true) {
      response.conditional = true;
      takeRanges(x, head.headers, this.cache.servesRanges);
    }
    const hasEvents = isWhole && x.nested === null && x.follows === null && isEventStream(response.contentType);
    return hasEvents ? this.beginEvents(head.headers, declaredLength >= 0, streaming) : null;
  }

  /**
   * Passes the prepared head on. Returns false if the exchange has ended instead: the response is not stored, so that it is not
   * read for a client that has left meanwhile. A `post_action` does not end with its client.
   */
  passHead(): boolean {
    const { x } = this;
    if (this.cache !== null && !this.stores && x.follows === null && x.client.closed && !x.ignoreClientAbort) {
      x.clientGone();
      return false;
    }
    return this.sink.head(x.response);
  }

  /** `storable`: the response may be stored if so configured. */
  private chooseSinks(headers: HeaderBlock, storable: boolean): void {
    const { x, relay, upstream } = this;
    const { obeysBuffering, buffering, ignoreClientAbort, limitRate, store } = this.rules.settings;
    relay.buffered = obeysBuffering ? isBuffered(headers, buffering) : buffering;
    x.unbuffered = !relay.buffered;
    // As in nginx: an unbuffered response is not rate-limited.
    if (!relay.buffered) x.limitRate = 0;
    else if (limitRate !== null) {
      const rate = parseSize(limitRate.of(x)) ?? 0;
      if (rate > 0) {
        const limited = new ReadingRate(relay, upstream, rate);
        relay.source = limited;
        this.sink = limited;
        this.first = limited;
      }
    }
    if (!storable || store === null) return;
    // A stream without an end would be requested for clients that have left.
    if (isEventStream(headers.valueOf(Field.ContentType) ?? null)) x.ignoreClientAbort = ignoreClientAbort;
    else if (relay.buffered) this.sink = new ResponseStore(this.sink, x, store, headers.valueOf(Field.LastModified));
  }

  private storeInCache(cache: CacheUse, head: UpstreamHead): void {
    const { x, rules, relay } = this;
    const isStream = isEventStream(head.headers.valueOf(Field.ContentType) ?? null);
    const entry = relay.buffered && !isStream ? cache.entryHead(head) : null;
    if (isStream) cache.storable = false;
    if (entry === null) {
      cache.pass(head.status);
      x.ignoreClientAbort = rules.settings.ignoreClientAbort;
      return;
    }
    this.stores = true;
    this.entry = entry;
    this.sink = new CacheSink(this.sink, cache, entry);
  }

  /** The sink that has the events handled; null if the location has no handler. */
  private handleEvents(): HandledEvents | null {
    const { x } = this;
    const create = x.location.settings.get(EVENT_HANDLER);
    if (create === null) return null;
    const handled = new HandledEvents(this.sink, this.upstream, this.upstream, create(x));
    this.first.source = handled;
    x.response.contentLength = -1;
    return handled;
  }

  /** `finite`: the length of the stream is declared, so that nothing is inserted. Returns null if its content is encoded. */
  private beginEvents(headers: HeaderBlock, finite: boolean, streaming: boolean): EventStream | null {
    const { x } = this;
    const configured = x.location.settings.get(EVENT_STREAMS);
    const settings = finite ? EVENT_STREAMS.initial : configured;
    if (isEncoded(headers)) {
      if (configured !== EVENT_STREAMS.initial) {
        logError(x, 'warn', 'event stream is passed on unchanged because upstream has compressed it');
      }
      return null;
    }
    const idempotent = isRepeatable(x.method, 0);
    const handled = this.handleEvents();
    const stream = new EventStream(x, handled ?? this.sink, this.upstream, {
      settings,
      lastEventId: x.headers.joined('last-event-id') ?? '',
      repeatable: !streaming && (idempotent || settings.reconnect?.nonIdempotent === true),
      idempotent: !streaming && idempotent,
      tap: x.server.tap,
      tapId: () => tapId(x),
    });
    if (handled === null) this.first.source = stream;
    else handled.source = stream;
    this.sink = stream;
    x.setState(EVENT_STREAM, stream);
    return stream;
  }
}

/** Replaces upstream connections: receives the requests, and sends the assumed responses. */

import type net from 'node:net';
import { CACHE_USE } from '../cache/cache-use.js';
import { httpExchange } from '../exchange/exchange.js';
import { httpDateNow } from '../http/clock.js';
import { isEventStream } from '../http/event-reader.js';
import { statusText } from '../http/status-text.js';
import { Http1UpstreamSession } from '../http1/upstream-session.js';
import { memoryPair } from '../net/memory-transport.js';
import type { Transport, TransportOwner } from '../net/transport.js';
import type { Exchange } from '../program/exchange.js';
import type { Peer } from '../upstream/peer.js';
import { UpstreamRequest } from '../upstream/request.js';
import { PooledSession } from '../upstream/session-pool.js';
import { TunnelRequest } from '../upstream/tunnel-request.js';
import type { Upstream } from '../upstream/upstream.js';
import { acceptOf } from '../websocket/handshake.js';
import { fieldOf, type SampleAnswer } from './request-input.js';

/** A connection to a peer, with the request sent on it. */
export interface SentRequest {
  readonly x: Exchange;
  readonly upstream: Upstream;
  /** The same for all attempts of one request. */
  readonly request: UpstreamRequest | TunnelRequest;
  readonly peer: Peer;
  /** Empty if nothing was sent. */
  head: string;
  /** Number of bytes after the head. */
  body: number;
  /** The response head. */
  answer: string;
}

/** Callbacks for connections and responses. */
export interface UpstreamObserver {
  onConnect(sent: SentRequest): void;
  onRespond(sent: SentRequest): void;
}

export class SimulatedUpstreams {
  private readonly transports: Transport[] = [];

  constructor(
    private readonly sample: SampleAnswer,
    private readonly observer: UpstreamObserver,
  ) {}

  /** Replacement for connections over a network. */
  connect(target: net.NetConnectOpts, owner: TransportOwner): Transport {
    const unix = 'path' in target && target.path !== undefined;
    const endpoints = {
      remoteAddress: '127.0.0.1',
      remotePort: 0,
      localAddress: unix ? '' : 'host' in target ? (target.host ?? '') : '',
      localPort: unix ? 0 : 'port' in target ? target.port : 0,
    };
    const [request, peer] = requestOf(owner);
    const { x, upstream } = request;
    const sent: SentRequest = { x, upstream, request, peer, head: '', body: 0, answer: '' };
    const server = new SimulatedServer(sent, (transport) => this.answer(sent, transport));
    const { outgoing } = memoryPair(owner, server, endpoints);
    this.transports.push(outgoing);
    this.observer.onConnect(sent);
    return outgoing;
  }

  private answer(sent: SentRequest, transport: Transport): void {
    sent.answer = sampleAnswer(sent, this.sample);
    this.observer.onRespond(sent);
    transport.writeText(sent.answer);
  }

  close(): void {
    for (const transport of this.transports) transport.destroy();
  }
}

/** The request for which a connection is opened, and the peer. */
function requestOf(owner: TransportOwner): [SentRequest['request'], Peer] {
  if (owner instanceof TunnelRequest && owner.peer !== null) return [owner, owner.peer];
  const session = owner instanceof Http1UpstreamSession ? owner : null;
  const user = session?.stream?.user;
  const pooled = session?.host;
  if (!(user instanceof UpstreamRequest) || !(pooled instanceof PooledSession))
    throw new Error('a connection without a request');
  return [user, pooled.peer];
}

/** The server's end of a connection: calls back once the request is complete. */
class SimulatedServer implements TransportOwner {
  private readonly framing: RequestFraming;

  constructor(
    sent: SentRequest,
    private readonly onRequest: (transport: Transport) => void,
  ) {
    this.framing = new RequestFraming(sent);
  }

  onBytes(transport: Transport, bytes: Buffer, length: number): void {
    if (this.framing.push(bytes.subarray(0, length))) this.onRequest(transport);
  }
  onEnd(transport: Transport): void {
    transport.destroySoon();
  }
  onDrain(): void {}
  onClosed(): void {}
  onConnected(): void {}
}

/** Detects the end of a request by its framing. */
class RequestFraming {
  private text = '';
  private complete = false;

  constructor(private readonly sent: SentRequest) {}

  /** Adds bytes; returns true once, when the request is complete. */
  push(bytes: Buffer): boolean {
    const { sent } = this;
    if (this.complete) return false;
    if (sent.head !== '') sent.body += bytes.length;
    // The last chunk is searched in the final bytes only.
    this.text = (sent.head === '' ? this.text : this.text.slice(-TAIL)) + bytes.latin1Slice();
    if (sent.head === '') {
      const end = this.text.indexOf('\r\n\r\n');
      if (end < 0) return false;
      sent.head = this.text.slice(0, end + 4);
      this.text = this.text.slice(end + 4);
      sent.body = this.text.length;
    }
    const length = /^Content-Length: *(\d+)/im.exec(sent.head)?.[1];
    const chunked = /^Transfer-Encoding: *chunked/im.test(sent.head);
    this.complete = chunked ? this.text.endsWith('0\r\n\r\n') : sent.body >= Number(length ?? 0);
    return this.complete;
  }
}

const TAIL = 16;

/** The assumed response head, with its blank line; it has no body. */
function sampleAnswer({ x, head, upstream }: SentRequest, { status, fields }: SampleAnswer): string {
  const upgrade = /^Connection:[^\r]*\bupgrade\b/im.test(head) ? /^Upgrade: *([^\r]*)/im.exec(head)?.[1] : undefined;
  const code = status ?? (upgrade === undefined ? 200 : 101);
  const given = fields.map((line) => fieldOf(line, 'response header'));
  const own = new Set(given.map(([name]) => name.toLowerCase()));
  const assumed: [string, string][] = [
    ['Date', httpDateNow()],
    ['Server', 'upstream'],
  ];
  if (code === 101) {
    assumed.push(['Upgrade', upgrade?.split(',', 1)[0] ?? ''], ['Connection', 'Upgrade']);
    const key = /^Sec-WebSocket-Key: *([^\r]*)/im.exec(head)?.[1];
    if (key !== undefined) assumed.push(['Sec-WebSocket-Accept', acceptOf(key)]);
  } else {
    if (isEventStreamAssumed(x, code, head, given)) assumed.push(['Content-Type', 'text/event-stream']);
    else assumed.push(['Content-Type', 'text/html'], ['Content-Length', '0']);
    if (code === 201 || (code >= 300 && code < 400 && code !== 304)) {
      const scheme = x.attempts?.at(-1)?.url.startsWith('https:') === true ? 'https' : 'http';
      assumed.push(['Location', ownUrl(scheme, head, upstream.name)]);
    }
    // It would prevent storing, which is not what the configuration does.
    if (x.state(CACHE_USE) === undefined)
      assumed.push(['Set-Cookie', `sample=1; Path=/; Domain=${upstream.name.replace(/:\d*$/, '')}`]);
  }
  const lines = [...assumed.filter(([name]) => !own.has(name.toLowerCase())), ...given];
  return [`HTTP/1.1 ${statusText(code)}`, ...lines.map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n');
}

/** Whether the response is an event stream: by its given type, or because the request accepts event streams. */
function isEventStreamAssumed(
  x: Exchange,
  status: number,
  head: string,
  given: readonly (readonly [name: string, value: string])[],
): boolean {
  const { nested, follows, method } = httpExchange(x);
  // The end of the response to a subrequest is awaited.
  if (status !== 200 || method === 'HEAD' || nested !== null || follows !== null) return false;
  const type = given.find(([name]) => name.toLowerCase() === 'content-type')?.[1];
  return type === undefined ? /^Accept:[^\r]*\btext\/event-stream\b/im.test(head) : isEventStream(type);
}

/** Redirect target of an upstream server that uses its configured name. */
function ownUrl(scheme: string, head: string, name: string): string {
  const path = / ([^ ?]*)/.exec(head)?.[1] ?? '/';
  return `${scheme}://${name}${path.endsWith('/') ? path : `${path}/`}`;
}

/** Stands in for upstreams: takes what is sent to them, and answers as is assumed. */
import type net from 'node:net';
import { httpDateNow } from '../exchange/clock.js';
import type { Exchange } from '../exchange/exchange.js';
import { statusText } from '../exchange/status-text.js';
import type { Transport, TransportOwner } from '../http/transport.js';
import { UpstreamConnection } from '../upstream/connection.js';
import type { Peer } from '../upstream/peer.js';
import { UpstreamRequest } from '../upstream/request.js';
import type { Upstream } from '../upstream/upstream.js';
import { memoryTransport } from './memory-socket.js';
import { fieldOf, type SampleAnswer } from './request-input.js';

/** A connection to a peer, and what was sent on it. */
export interface Sent {
  readonly x: Exchange;
  readonly upstream: Upstream;
  /** The same for all tries of one request. */
  readonly request: UpstreamRequest;
  readonly peer: Peer;
  /** Empty where nothing was sent. */
  head: string;
  /** Bytes behind the head. */
  body: number;
  /** The head that was answered. */
  answer: string;
}

/** Told of what is sent. */
export interface StandInWatcher {
  connecting(sent: Sent): void;
  answering(sent: Sent): void;
}

export class StandIn {
  private readonly transports: Transport[] = [];

  constructor(
    private readonly sample: SampleAnswer,
    private readonly watcher: StandInWatcher,
  ) {}

  /** Takes the place of `Transport.connect`. */
  connect(target: net.NetConnectOpts, owner: TransportOwner): Transport {
    const unix = 'path' in target && target.path !== undefined;
    const ends = {
      remoteAddress: unix ? '' : 'host' in target ? (target.host ?? '') : '',
      remotePort: unix ? 0 : 'port' in target ? target.port : 0,
      localAddress: '127.0.0.1',
      localPort: 0,
    };
    const { user, peer } = owner instanceof UpstreamConnection ? owner : { user: null, peer: null };
    if (!(user instanceof UpstreamRequest) || peer === null) throw new Error('a connection that no request asked for');
    const sent: Sent = { x: user.x, upstream: user.upstream, request: user, peer, head: '', body: 0, answer: '' };
    const reception = new Reception(sent);
    const transport = memoryTransport(ends, owner, (bytes) => {
      if (reception.take(bytes)) setImmediate(() => this.answer(sent, transport));
    });
    this.transports.push(transport);
    this.watcher.connecting(sent);
    queueMicrotask(() => {
      if (!transport.closed) transport.owner.onConnected(transport);
    });
    return transport;
  }

  private answer(sent: Sent, transport: Transport): void {
    if (transport.closed) return;
    sent.answer = sampleAnswer(sent, this.sample);
    this.watcher.answering(sent);
    const bytes = Buffer.from(sent.answer, 'latin1');
    transport.owner.onBytes(transport, bytes, bytes.length);
  }

  close(): void {
    for (const transport of this.transports) transport.destroy();
  }
}

/** Finds the end of a request by its framing. */
class Reception {
  private text = '';
  private complete = false;

  constructor(private readonly sent: Sent) {}

  /** True when the request is complete, once. */
  take(bytes: Buffer): boolean {
    const { sent } = this;
    if (this.complete) return false;
    if (sent.head !== '') sent.body += bytes.length;
    // The end of chunks is looked for in the last bytes only.
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

/** The head that is answered, with its blank line; no body follows it. */
function sampleAnswer({ head, upstream }: Sent, { status, fields }: SampleAnswer): string {
  const upgrade = /^Connection:[^\r]*\bupgrade\b/im.test(head) ? /^Upgrade: *([^\r]*)/im.exec(head)?.[1] : undefined;
  const code = status ?? (upgrade === undefined ? 200 : 101);
  const given = fields.map((line) => fieldOf(line, 'header of an answer'));
  const own = new Set(given.map(([name]) => name.toLowerCase()));
  const assumed: [string, string][] = [
    ['Date', httpDateNow()],
    ['Server', 'upstream'],
  ];
  if (code === 101) assumed.push(['Upgrade', upgrade ?? ''], ['Connection', 'Upgrade']);
  else {
    assumed.push(['Content-Type', 'text/html'], ['Content-Length', '0']);
    if (code === 201 || (code >= 300 && code < 400 && code !== 304)) {
      assumed.push(['Location', ownUrl(head, upstream.name)]);
    }
    assumed.push(['Set-Cookie', `sample=1; Path=/; Domain=${upstream.name.replace(/:\d*$/, '')}`]);
  }
  const lines = [...assumed.filter(([name]) => !own.has(name.toLowerCase())), ...given];
  return [`HTTP/1.1 ${statusText(code)}`, ...lines.map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n');
}

/** Where an upstream redirects to that knows itself by the name it is configured under. */
function ownUrl(head: string, name: string): string {
  const path = / ([^ ?]*)/.exec(head)?.[1] ?? '/';
  return `http://${name}${path.endsWith('/') ? path : `${path}/`}`;
}

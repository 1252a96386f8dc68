/** Connection to the feed of a console, for `tsproxy watch` and `top`. */
import net from 'node:net';
import tls from 'node:tls';
import { WebSocket } from 'ws';
import {
  type DetailsMessage,
  FEED_PROTOCOL,
  FEED_VERSION,
  type FeedRow,
  type HelloMessage,
  type ViewerMessage,
} from '../../console/feed-format.js';
import { decodeRows } from '../../console/row-decoder.js';
import type { StateMessage } from '../../console/state.js';
import { basicAuthorization, type LocationTarget, locationUrl } from '../location-url.js';

const TIMEOUT = 30_000;
/** Longest message, bytes: an overview of many upstreams, or a batch of rows. */
const MAX_MESSAGE = 64 << 20;
/** Status codes of Close frames that are sent if the configuration of the location has changed. */
const SERVICE_RESTART = 1012;

/** Error: an invalid URL, a refusal, or a failed connection. */
export class ConsoleClientError extends Error {}

/** Receivers of the messages of a feed. */
export interface FeedListener {
  hello?(message: HelloMessage): void;
  rows?(rows: readonly FeedRow[]): void;
  state?(state: StateMessage): void;
  details?(message: DetailsMessage): void;
}

export class ConsoleFeed {
  /** Settles when the feed has ended: with the reason, or null if `close` was called. */
  readonly ended: Promise<FeedEnd | null>;
  private closing = false;
  private failure: string | null = null;

  private constructor(
    private readonly socket: WebSocket,
    listener: FeedListener,
  ) {
    socket.on('message', (data, binary) => {
      if (binary) listener.rows?.(decodeRows(data as Buffer));
      else this.receive(JSON.parse(String(data)), listener);
    });
    // The close event follows.
    socket.on('error', () => {});
    this.ended = new Promise((resolve) => {
      socket.once('close', (code, reason) => {
        if (this.closing) resolve(null);
        else if (this.failure !== null) resolve({ restarted: false, text: this.failure });
        else resolve({ restarted: code === SERVICE_RESTART, text: closeText(code, reason.toString()) });
      });
    });
  }

  /** Rejects with ConsoleClientError. */
  static open(target: LocationTarget, listener: FeedListener): Promise<ConsoleFeed> {
    const url = feedUrl(target);
    const { socket: path } = target;
    const place = path === null ? url.host : `unix:${path}`;
    const authorization = basicAuthorization(url);
    const socket = new WebSocket(withoutCredentials(url), FEED_PROTOCOL, {
      handshakeTimeout: TIMEOUT,
      maxPayload: MAX_MESSAGE,
      perMessageDeflate: false,
      ...(authorization !== null && { headers: { Authorization: authorization } }),
      ...(path !== null && { createConnection: () => connectUnix(path, url) }),
    });
    return new Promise((resolve, reject) => {
      const fail = (message: string): void => reject(new ConsoleClientError(`${place}: ${message}`));
      socket.once('error', (error) => fail(error.message));
      socket.once('unexpected-response', (request, response) => {
        fail(refusalText(response.statusCode ?? 0, url.pathname.replace(/feed$/, '')));
        request.destroy();
      });
      const feed = new ConsoleFeed(socket, listener);
      socket.once('open', () => resolve(feed));
    });
  }

  private receive(message: unknown, listener: FeedListener): void {
    // A server of the same version sends these messages.
    const { type } = message as { readonly type: string };
    if (type === 'hello') {
      const hello = message as HelloMessage;
      if (hello.version === FEED_VERSION) {
        listener.hello?.(hello);
        return;
      }
      this.failure = `the feed has version ${hello.version}, but this program reads version ${FEED_VERSION}`;
      this.socket.terminate();
    } else if (type === 'state') listener.state?.(message as StateMessage);
    else if (type === 'details') listener.details?.(message as DetailsMessage);
  }

  send(message: ViewerMessage): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  close(): void {
    this.closing = true;
    this.socket.close();
    // The closing handshake must not delay the exit of the process.
    this.socket.terminate();
  }
}

/** End of a feed, caused by the server or a failure. */
export interface FeedEnd {
  /** The configuration has changed, and a new feed may be opened. */
  readonly restarted: boolean;
  readonly text: string;
}

function feedUrl(target: LocationTarget): URL {
  const base = locationUrl(target);
  const feed = new URL('feed', base);
  feed.username = base.username;
  feed.password = base.password;
  return feed;
}

function withoutCredentials(url: URL): string {
  const plain = new URL(url);
  plain.username = '';
  plain.password = '';
  return plain.href.replace(/^http/, 'ws');
}

function connectUnix(path: string, { protocol, hostname }: URL): net.Socket {
  return protocol === 'https:' ? tls.connect({ path, servername: hostname }) : net.connect({ path });
}

function refusalText(status: number, location: string): string {
  if (status === 401) return 'a user name and password are required: http://user:password@host/console/';
  if (status === 403) return 'access is not allowed (403)';
  if (status === 404 || status < 300) return `there is no console at "${location}" (status ${status})`;
  return `the console refused the request with status ${status}`;
}

function closeText(code: number, reason: string): string {
  if (code === 1006) return 'the connection was lost';
  return `the feed was closed with ${code}${reason === '' ? '' : ` (${reason})`}`;
}

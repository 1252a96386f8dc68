/** Clients that open WebSockets over HTTP/2 (RFC 8441) with Node's `http2`. */
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
} from 'node:http2';
import { WebSocket } from 'ws';
import { WebSocketClient } from '../kit/index.js';

/** Connects, and waits for the server's SETTINGS. With TLS if `secure` is given. */
export async function http2Session(port: number, secure?: SecureClientSessionOptions): Promise<ClientHttp2Session> {
  const session = connect(`${secure === undefined ? 'http' : 'https'}://127.0.0.1:${port}`, secure);
  await once(session, 'remoteSettings');
  return session;
}

/** Closes a session without waiting for its streams. */
export function closeSession(session: ClientHttp2Session): void {
  session.on('error', () => {});
  session.destroy();
}

/** Fields of an extended CONNECT for a WebSocket. */
export function handshake(path: string, fields: OutgoingHttpHeaders = {}): OutgoingHttpHeaders {
  return {
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':scheme': 'http',
    ':authority': 'localhost',
    ':path': path,
    'sec-websocket-version': '13',
    ...fields,
  };
}

/** Sends an extended CONNECT; resolves with the head of the response. */
export async function extendedConnect(
  session: ClientHttp2Session,
  path: string,
  fields: OutgoingHttpHeaders = {},
): Promise<{ stream: ClientHttp2Stream; head: IncomingHttpHeaders }> {
  const stream = session.request(handshake(path, fields), { endStream: false });
  stream.on('error', () => {});
  const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders];
  return { stream, head };
}

/** Internal fields of `ws`: a socket that is set is otherwise one of a server. */
type Internals = {
  _isServer: boolean;
  setSocket(socket: ClientHttp2Stream, head: Buffer, options: object): void;
};

/** Opens a WebSocket on a new stream; rejects with the status of another response. */
export async function streamWebSocket(
  session: ClientHttp2Session,
  path = '/',
  fields: OutgoingHttpHeaders = {},
): Promise<WebSocketClient & { readonly stream: ClientHttp2Stream; readonly head: IncomingHttpHeaders }> {
  const { stream, head } = await extendedConnect(session, path, fields);
  if (Number(head[':status']) !== 200) throw new Error(`status ${head[':status']}`);
  const socket = new WebSocket(null as unknown as string, undefined, {
    autoPong: true,
    closeTimeout: 30_000,
  } as object);
  const internals = socket as unknown as Internals;
  internals._isServer = false;
  const client = new WebSocketClient(socket);
  internals.setSocket(stream, Buffer.alloc(0), {
    allowSynchronousEvents: true,
    maxPayload: 64 << 20,
    skipUTF8Validation: false,
  });
  return Object.assign(client, { stream, head });
}

/** HTTPS and secure WebSocket back end for tests: Node's own server with `ws`. */
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket, TlsOptions } from 'node:tls';
import { WebSocketServer } from 'ws';
import { certificates } from './certificates.js';

/** A request as the back end received it; the body of its response, as JSON. */
export interface SecuredRequest {
  readonly url: string;
  readonly host: string;
  /** Server name that the client sent; false if it sent none. */
  readonly servername: string | false;
  readonly protocol: string;
  readonly cipher: string;
  readonly reused: boolean;
  readonly alpn: string | false;
  /** Common name of the client's certificate; null if it sent none. */
  readonly client: string | null;
  readonly authorized: boolean;
  /** Number of its connection; counts from 1. */
  readonly connection: number;
}

export interface HttpsBackend {
  readonly port: number;
  readonly requests: readonly SecuredRequest[];
  /** Errors of handshakes. */
  readonly errors: readonly Error[];
  close(): Promise<void>;
}

/**
 * Starts a back end with the certificate `certificate` of the test authority; requests are answered with what it knows
 * about them, and WebSocket messages with themselves. `path`: of a unix socket to listen on.
 */
export async function httpsBackend(
  options: TlsOptions & { readonly certificate?: string; readonly path?: string } = {},
): Promise<HttpsBackend> {
  const { certificate = 'ec', path, ...rest } = options;
  const authority = certificates();
  const numbers = new WeakMap<TLSSocket, number>();
  const requests: SecuredRequest[] = [];
  const errors: Error[] = [];
  let connections = 0;
  const server = createServer(
    {
      cert: authority.read(`${certificate}.crt`),
      key: authority.read(`${certificate}.key`),
      ca: authority.read('ca.crt'),
      ...rest,
    },
    (request, response) => {
      const socket = request.socket as TLSSocket;
      const facts: SecuredRequest = {
        url: request.url ?? '',
        host: request.headers.host ?? '',
        servername: (socket as TLSSocket & { servername: string | false }).servername,
        protocol: socket.getProtocol() ?? '',
        cipher: socket.getCipher().standardName,
        reused: socket.isSessionReused(),
        alpn: socket.alpnProtocol ?? false,
        client: (socket.getPeerCertificate().subject as { CN?: string } | undefined)?.CN ?? null,
        authorized: socket.authorized,
        connection: numbers.get(socket) ?? 0,
      };
      requests.push(facts);
      response.end(JSON.stringify(facts));
    },
  );
  server.on('secureConnection', (socket) => numbers.set(socket, ++connections));
  server.on('tlsClientError', (error) => errors.push(error));
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => {
    socket.on('error', () => socket.terminate());
    socket.on('message', (data, binary) => socket.send(data as Buffer, { binary }));
  });
  await new Promise<void>((resolve) => {
    if (path === undefined) server.listen(0, '127.0.0.1', resolve);
    else server.listen(path, resolve);
  });
  return {
    port: path === undefined ? (server.address() as AddressInfo).port : 0,
    requests,
    errors,
    close() {
      for (const client of sockets.clients) client.terminate();
      sockets.close();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Back ends of the demonstration: WebSocket echo servers, and a server that streams events and forwards control requests. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';

/** A running server. */
export interface BackEnd {
  readonly name: string;
  readonly port: number;
  close(): void;
}

/** Listens on that port of 127.0.0.1, or on any port if it is in use. */
function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const listening = (): void => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    };
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') return reject(error);
      server.once('error', reject);
      server.listen(0, '127.0.0.1', listening);
    });
    server.listen(port, '127.0.0.1', listening);
  });
}

/** Echoes messages: text prefixed with its own name, so that the page can show which server answered; binary unchanged. */
export async function startEcho(name: string, wantedPort: number): Promise<BackEnd> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/plain' }).end(`${name} answers plain requests, too\n`);
  });
  const port = await listen(server, wantedPort);
  // Created after listening: an earlier WebSocketServer would handle the error of a port in use.
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket: WebSocket) => {
    let count = 0;
    socket.on('error', () => socket.terminate());
    socket.send(JSON.stringify({ from: name, kind: 'hello' }));
    socket.on('message', (data: RawData, binary: boolean) => {
      if (binary) socket.send(data as Buffer, { binary });
      else
        socket.send(
          JSON.stringify({ from: name, kind: 'echo', count: ++count, text: (data as Buffer).toString('utf8') }),
        );
    });
  });
  return {
    name,
    port,
    close() {
      for (const socket of sockets.clients) socket.terminate();
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Proxy state for the ticker's events, and the controls that it offers. */
export interface Controls {
  status(): object;
  /** Reloads the configuration, or a broken one; resolves with the result. */
  reload(broken: boolean): Promise<object>;
}

/** ms between two events. */
const EVENT_INTERVAL = 250;

/** Text that is streamed word by word, like the output of a language model. */
const STORY =
  'Every word you read here is one server-sent event. It left the back end, crossed the proxy and reached this page in ' +
  'the same breath: nothing is buffered, nothing waits for the next one. Reload the configuration as often as you like ' +
  'while this text is being written. The stream goes on, word by word, because a reload swaps the routing table and ' +
  'leaves every connection where it is. ';

/**
 * Streams four events per second on `/events`, and serves `/control/status`, `/control/reload` and `/control/reload-broken`.
 */
export async function startTicker(wantedPort: number, controls: Controls): Promise<BackEnd> {
  const words = STORY.trim().split(' ');
  const streams = new Set<ServerResponse>();
  let tick = 0;
  const beat = setInterval(() => {
    const event = JSON.stringify({ tick, at: Date.now(), word: words[tick % words.length], ...controls.status() });
    for (const stream of streams) stream.write(`id: ${tick}\ndata: ${event}\n\n`);
    tick++;
  }, EVENT_INTERVAL);
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    if (request.url === '/events') {
      response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
      response.flushHeaders();
      streams.add(response);
      response.on('close', () => streams.delete(response));
    } else if (request.url?.startsWith('/control/reload') && request.method === 'POST') {
      controls.reload(request.url.endsWith('-broken')).then((result) => json(response, result));
    } else if (request.url === '/control/status') {
      json(response, controls.status());
    } else {
      response.writeHead(404).end();
    }
  });
  const port = await listen(server, wantedPort);
  return {
    name: 'ticker',
    port,
    close() {
      clearInterval(beat);
      server.close();
      server.closeAllConnections();
    },
  };
}

function json(response: ServerResponse, value: object): void {
  response
    .writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
    .end(JSON.stringify(value));
}

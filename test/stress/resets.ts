/** Connections that are reset, or end, at random moments: clients of all kinds, and a back end that does the same. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Random } from './random.js';

/** The kinds of connections, by the moment at which something happens to them. */
export const MOMENTS = [
  'head',
  'answer-length',
  'answer-chunked',
  'answer-slow',
  'body-buffered',
  'body-streamed',
  'body-chunked',
  'body-chunked-streamed',
  'upgrade',
  'tunnel',
  'connecting',
  'refused',
  'file',
  'pipelined',
  'kept',
  'ignored-abort',
] as const;
export type Moment = (typeof MOMENTS)[number];

/** The locations that the clients ask for. `%%BACKEND%%`, `%%DEAF%%` (takes no connection), `%%CLOSED%%`, `%%DIR%%`. */
export const RESET_CONFIGURATION = `
    client_body_buffer_size 8k;
    client_max_body_size 0;
    access_log off;
    map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
    upstream back { server 127.0.0.1:%%BACKEND%%; keepalive 16; }
    upstream deaf { server 127.0.0.1:%%DEAF%%; }
    upstream two { server 127.0.0.1:%%CLOSED%% max_fails=0; server 127.0.0.1:%%BACKEND%% max_fails=0; keepalive 16; }
    proxy_connect_timeout 1s;
    proxy_read_timeout 5s;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
    server {
      listen %%LISTEN%%;
      location / { proxy_pass http://back; }
      location /streamed { proxy_pass http://back; proxy_request_buffering off; }
      location /deaf { proxy_pass http://deaf; }
      location /two { proxy_pass http://two; }
      location /ignored { proxy_pass http://back; proxy_ignore_client_abort on; }
      location /file { root %%DIR%%; }
    }`;

/** How something ends. */
function end(socket: Socket, random: Random): void {
  const way = random.below(10);
  if (socket.destroyed) return;
  // Node never closes a socket that is reset while it is being shut down.
  if (way < 7 && !socket.writableEnded) socket.resetAndDestroy();
  else if (way < 9) socket.destroy();
  else {
    // Half of it; what is left goes a moment later.
    socket.end();
    setTimeout(() => socket.destroy(), 50);
  }
}

/** Now, at the next turns of the event loop, or some ms later. */
function atRandom(random: Random, act: () => void): void {
  const when = random.below(4);
  if (when === 0) act();
  else if (when === 1) setImmediate(act);
  else setTimeout(act, random.below(when === 2 ? 5 : 40));
}

/** A back end that answers by the path, and breaks off as often as the path says (`?u=1`). */
export class FaultyBackend {
  readonly sockets = new Set<Socket>();
  accepted = 0;
  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async start(seed: number): Promise<FaultyBackend> {
    const random = new Random(seed);
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, resolve));
    const backend = new FaultyBackend(server, (server.address() as { port: number }).port);
    server.on('connection', (socket) => {
      backend.accepted++;
      backend.sockets.add(socket);
      socket.on('close', () => backend.sockets.delete(socket));
      socket.on('error', () => {});
      socket.on('end', () => socket.end());
      serve(socket, random);
    });
    return backend;
  }

  close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}

const PIECE = Buffer.alloc(16_384, 0x70);

function serve(socket: Socket, random: Random): void {
  let head = '';
  let mode: 'head' | 'body' | 'tunnel' = 'head';
  let left = 0;
  let answer = (): void => {};
  socket.on('data', (chunk: Buffer) => {
    if (mode === 'tunnel') {
      socket.write(chunk);
      return;
    }
    let text = chunk.toString('latin1');
    if (mode === 'head') {
      head += text;
      const behind = head.indexOf('\r\n\r\n');
      if (behind < 0) return;
      text = head.slice(behind + 4);
      const lines = head.slice(0, behind);
      head = '';
      const breaks = /[?&]u=1/.test(lines);
      if (breaks) {
        // Somewhere in what follows.
        setTimeout(() => end(socket, random), random.below(30));
        if (random.below(4) === 0) return;
      }
      answer = () => respond(socket, lines, random);
      if (/^upgrade: /im.test(lines)) {
        if (random.below(8) === 0) socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
        else {
          mode = 'tunnel';
          socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello');
        }
        return;
      }
      const length = /^content-length: (\d+)/im.exec(lines);
      const chunked = /^transfer-encoding: chunked/im.test(lines);
      left = chunked ? -1 : Number(length?.[1] ?? 0);
      if (left === 0) {
        answer();
        return;
      }
      mode = 'body';
    }
    if (left > 0) {
      left -= text.length;
      if (left > 0) return;
    } else {
      head += text;
      if (!head.endsWith('0\r\n\r\n')) {
        head = head.slice(-8);
        return;
      }
      head = '';
    }
    mode = 'head';
    answer();
  });
}

function respond(socket: Socket, request: string, random: Random): void {
  if (socket.destroyed) return;
  if (/^\w+ \S*chunked/.test(request)) {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    const pieces = random.below(20);
    const next = (i: number): void => {
      if (socket.destroyed || socket.writableEnded) return;
      if (i === pieces) {
        socket.write('0\r\n\r\n');
        return;
      }
      socket.write(`${PIECE.length.toString(16)}\r\n`);
      socket.write(PIECE);
      socket.write('\r\n');
      atRandom(random, () => next(i + 1));
    };
    next(0);
    return;
  }
  const large = /^\w+ \S*slow/.test(request);
  const total = large ? 8 << 20 : random.below(60_000);
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
  socket.write(large ? Buffer.alloc(total, 0x71) : Buffer.alloc(total, 0x72));
}

/** A count of what the clients saw. */
export interface Outcome {
  connections: number;
  /** Connections on which the first bytes of an answer came. */
  answered: number;
}

/** Opens `total` connections, `parallel` at a time, of all kinds in turn; resolves when all have ended. */
export async function resetAtRandom(port: number, total: number, parallel: number, seed: number): Promise<Outcome> {
  const random = new Random(seed);
  const outcome: Outcome = { connections: 0, answered: 0 };
  const one = async (): Promise<void> => {
    while (outcome.connections < total) {
      const moment = MOMENTS[outcome.connections++ % MOMENTS.length] as Moment;
      await client(port, moment, random, outcome);
    }
  };
  await Promise.all(Array.from({ length: parallel }, one));
  return outcome;
}

function client(port: number, moment: Moment, random: Random, outcome: Outcome): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    socket.on('error', () => {});
    // Connections that are no longer served have ended nevertheless.
    const guard = setTimeout(() => socket.destroy(), 8000);
    socket.on('close', () => {
      clearTimeout(guard);
      resolve();
    });
    socket.on('end', () => socket.end());
    socket.once('data', () => {
      outcome.answered++;
    });
    if (random.below(50) === 0) {
      // Before there is a connection, or the moment it is there.
      atRandom(random, () => end(socket, random));
      return;
    }
    socket.on('connect', () => play(socket, moment, random));
  });
}

function play(socket: Socket, moment: Moment, random: Random): void {
  // One of the two sides breaks off; which one is left to chance.
  const upstream = random.below(3) === 0 ? '?u=1' : '';
  const stop = (): void => atRandom(random, () => end(socket, random));
  const head = (method: string, path: string, ...fields: string[]): string =>
    `${[`${method} ${path}${upstream} HTTP/1.1`, 'Host: localhost', ...fields].join('\r\n')}\r\n\r\n`;
  const afterBytes = (limit: number): void => {
    let left = random.below(limit);
    socket.on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left <= 0) stop();
    });
    setTimeout(() => end(socket, random), 400);
  };
  switch (moment) {
    case 'head': {
      const text = head('GET', '/', 'X-Long: '.padEnd(random.below(6000) + 10, 'x'));
      socket.write(text.slice(0, random.below(text.length)));
      stop();
      return;
    }
    case 'answer-length':
      socket.write(head('GET', '/'));
      afterBytes(60_000);
      return;
    case 'answer-chunked':
      socket.write(head('GET', '/chunked'));
      afterBytes(200_000);
      return;
    case 'answer-slow':
      socket.write(head('GET', random.below(2) === 0 ? '/slow' : '/streamed/slow'));
      socket.pause();
      setTimeout(() => end(socket, random), 20 + random.below(60));
      return;
    case 'body-buffered':
    case 'body-streamed': {
      const length = random.below(200_000) + 1;
      const path = moment === 'body-streamed' ? '/streamed' : '/';
      socket.write(head('POST', path, `Content-Length: ${length}`));
      inPieces(socket, Buffer.alloc(random.below(2) === 0 ? length : random.below(length), 0x62), random);
      afterBytes(1000);
      return;
    }
    case 'body-chunked':
    case 'body-chunked-streamed': {
      const path = moment === 'body-chunked-streamed' ? '/streamed' : '/chunked';
      socket.write(head('POST', path, 'Transfer-Encoding: chunked'));
      const chunk = Buffer.concat([Buffer.from('4000\r\n'), Buffer.alloc(0x4000, 0x63), Buffer.from('\r\n')]);
      const whole = Buffer.concat([...Array.from({ length: random.below(12) }, () => chunk), Buffer.from('0\r\n\r\n')]);
      inPieces(socket, random.below(2) === 0 ? whole : whole.subarray(0, random.below(whole.length)), random);
      afterBytes(1000);
      return;
    }
    case 'upgrade':
    case 'tunnel': {
      const fields = ['Connection: Upgrade', 'Upgrade: websocket'];
      socket.write(head('GET', '/', ...fields) + (random.below(2) === 0 ? 'early' : ''));
      if (moment === 'upgrade') {
        stop();
        return;
      }
      socket.once('data', () => inPieces(socket, Buffer.alloc(random.below(300_000), 0x64), random));
      if (random.below(3) === 0) setTimeout(() => socket.pause(), random.below(20));
      afterBytes(300_000);
      return;
    }
    case 'connecting':
      socket.write(head('GET', '/deaf'));
      stop();
      return;
    case 'refused':
      socket.write(head('GET', '/two'));
      afterBytes(1000);
      return;
    case 'file':
      socket.write(head('GET', '/file'));
      if (random.below(2) === 0) socket.pause();
      afterBytes(2 << 20);
      return;
    case 'pipelined':
      for (let i = random.below(20); i >= 0; i--) socket.write(head(i % 3 === 0 ? 'HEAD' : 'GET', '/'));
      afterBytes(400_000);
      return;
    case 'kept':
      socket.write(head('GET', '/'));
      socket.once('data', () => setTimeout(() => end(socket, random), random.below(60)));
      setTimeout(() => end(socket, random), 400);
      return;
    case 'ignored-abort':
      if (random.below(2) === 0)
        socket.write(head('GET', random.below(2) === 0 ? '/ignored/slow' : '/ignored/chunked'));
      else socket.write(`${head('POST', '/ignored', 'Content-Length: 100')}part`);
      if (random.below(2) === 0) socket.pause();
      stop();
      return;
  }
}

function inPieces(socket: Socket, bytes: Buffer, random: Random): void {
  let at = 0;
  const next = (): void => {
    if (socket.destroyed || at >= bytes.length) return;
    const to = Math.min(bytes.length, at + 1 + random.below(60_000));
    socket.write(bytes.subarray(at, to));
    at = to;
    atRandom(random, next);
  };
  next();
}

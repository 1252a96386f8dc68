/** Contract of `UpstreamSession`: tests that every implementation passes, over sessions with a scripted server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  OpenSession,
  SessionHost,
  StreamFailures,
  StreamUser,
  UpstreamHead,
  UpstreamSession,
  UpstreamStream,
} from '../../src/http/upstream-session.js';
import { SocketTransport } from '../../src/net/socket-transport.js';
import type { Transport } from '../../src/net/transport.js';
import { closedPort } from '../kit/index.js';
import { closing, listening, target } from '../net/sockets.js';

/** The server's side of the requests of a session, in the order of their arrival. */
export interface ScriptedServer {
  /** The request so far. `ended`: the whole body has arrived. */
  readonly requests: readonly { readonly head: string; readonly body: Buffer; readonly ended: boolean }[];
  head(request: number, status: number, fields: Readonly<Record<string, string>>): void;
  data(request: number, bytes: Buffer): void;
  /** Ends a response whose length its head did not declare. */
  end(request: number, trailers?: Readonly<Record<string, string>>): void;
  /** Closes the connection. */
  close(): void;
}

export interface SessionKind {
  readonly name: string;
  /** Whether a session has several streams at a time. */
  readonly concurrent: boolean;
  readonly open: OpenSession;
  /** Fields of a response of unknown length. */
  readonly unknownLength: Readonly<Record<string, string>>;
  /** Serves an accepted connection; the result is its transport's owner. */
  serve(transport: Transport): ScriptedServer;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Records events of a stream, and checks their order. */
export class RecordingUser implements StreamUser {
  readonly events: string[] = [];
  body = Buffer.alloc(0);
  stream: UpstreamStream | null = null;
  session: UpstreamSession | null = null;
  reads = 0;
  received = 0;
  private changed = (): void => {};
  onDataHook: () => void = () => {};

  private note(event: string): void {
    if (event !== 'data' || this.events.at(-1) !== 'data') this.events.push(event);
    this.changed();
  }
  onReady(): void {
    assert.deepEqual(this.events, []);
    this.note('ready');
  }
  onRead(length: number): void {
    assert.equal(this.reads++, 0);
    this.received += length;
  }
  onReadMore(length: number): void {
    assert.equal(this.reads, 1);
    assert.ok(length > 0);
    this.received += length;
  }
  onReadEnd(): void {
    assert.equal(--this.reads, 0);
  }
  onFields({ headers }: UpstreamHead): void {
    assert.equal(this.reads, 1, 'a head belongs to a read');
    // Some servers add a date.
    this.note(`fields ${headers.count - headers.all('date').length}`);
  }
  onInterim({ status, headers }: UpstreamHead): void {
    this.note(`interim ${status} ${headers.joined('x-number') ?? ''}`);
  }
  onUpgrade(): void {
    this.note('upgrade');
  }
  onHead(): void {
    const { status, headers } = (this.stream as UpstreamStream).head; // set by the test
    this.note(`head ${status} ${headers.joined('x-number') ?? ''}`);
  }
  onData(bytes: Buffer, start: number, end: number): void {
    assert.equal(this.reads, 1, 'data belongs to a read');
    assert.ok(end > start);
    this.body = Buffer.concat([this.body, bytes.subarray(start, end)]);
    this.note('data');
    this.onDataHook();
  }
  onEnd(excess: string | null): void {
    assert.equal(this.stream?.open, false);
    this.note(excess === null ? 'end' : `end, ${excess}`);
  }
  onFailure<K extends keyof StreamFailures>(kind: K): void {
    assert.equal(this.stream?.open, false);
    assert.notEqual(this.session?.available, true, 'a session that fails takes no more requests');
    this.note(`failure ${kind}`);
  }
  onDrain(): void {
    this.note('drain');
  }

  /** Resolves once `condition` holds; checked after each event, and in each turn. */
  async until(condition: () => boolean): Promise<void> {
    for (let i = 0; !condition(); i++) {
      assert.ok(i < 20_000, `events: ${this.events}`);
      await turn();
    }
  }
  async untilEvent(event: string): Promise<void> {
    await this.until(() => this.events.includes(event));
  }
}

export class RecordingHost implements SessionHost {
  maxStreams = 1;
  available = 0;
  closed = 0;
  keeps = true;
  refusalText: string | null = null;

  refusal(): string | null {
    return this.refusalText;
  }
  onAvailable(): boolean {
    this.available++;
    return this.keeps;
  }
  onClosed(): void {
    this.closed++;
  }
}

interface Opened {
  readonly host: RecordingHost;
  readonly user: RecordingUser;
  readonly session: UpstreamSession;
  readonly stream: UpstreamStream;
  readonly server: ScriptedServer;
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: a\r\n';
const LIMIT = 4096;

export function sessionContract(kind: SessionKind): void {
  const contract = (name: string, run: (opened: Opened) => Promise<void>): void => {
    test(`${kind.name}: ${name}`, async () => {
      const listener = await listening();
      try {
        const opened = await connected(listener);
        try {
          await run(opened);
        } finally {
          opened.session.destroy();
        }
      } finally {
        await closing(listener);
      }
    });
  };

  async function connected(listener: Awaited<ReturnType<typeof listening>>): Promise<Opened> {
    const host = new RecordingHost();
    if (kind.concurrent) host.maxStreams = 100;
    const user = new RecordingUser();
    let server: ScriptedServer | null = null;
    listener.once('connection', (socket) => {
      const transport = SocketTransport.adopt(socket, NO_OWNER);
      server = kind.serve(transport);
    });
    const { session, stream } = kind.open(host, user, target(listener), SocketTransport.connect);
    user.stream = stream;
    user.session = session;
    assert.equal(stream.ready, false);
    await user.until(() => user.events.includes('ready') && server !== null);
    return { host, user, session, stream, server: server as unknown as ScriptedServer };
  }

  /** Opens another stream. */
  function another(session: UpstreamSession): RecordingUser {
    const user = new RecordingUser();
    assert.equal(session.available, true);
    user.session = session;
    user.stream = session.open(user);
    assert.equal(user.stream.ready, true);
    return user;
  }
  const get = (user: RecordingUser, number = 0): void => {
    const { stream } = user;
    stream?.begin(number === 0 ? GET : GET.replace('/ ', `/${number} `), 0, false, LIMIT);
    stream?.end();
  };
  const text = (body: string): Buffer => Buffer.from(body, 'latin1');

  contract('a response of declared length is a head, data and an end', async ({ user, stream, server, host }) => {
    const { available } = host;
    get(user);
    await user.until(() => server.requests[0]?.ended === true);
    assert.match(server.requests[0]?.head ?? '', /^GET \/ /);
    server.head(0, 200, { 'Content-Length': '6', 'X-Number': '1' });
    server.data(0, text('abc'));
    server.data(0, text('def'));
    await user.untilEvent('end');
    assert.deepEqual(user.events, ['ready', 'fields 2', 'head 200 1', 'data', 'end']);
    assert.equal(user.body.latin1Slice(), 'abcdef');
    assert.equal(stream.declaredLength, 6);
    assert.ok(stream.bodyLength >= 6);
    assert.ok(stream.bytesSent > 0);
    assert.equal(host.available, available + 1);
    assert.equal(host.closed, 0);
    stream.release();
  });

  contract('a response of unknown length may have trailers', async ({ user, stream, server }) => {
    get(user);
    await user.until(() => server.requests[0]?.ended === true);
    server.head(0, 200, kind.unknownLength);
    server.data(0, text('abc'));
    server.end(0, { 'X-Sum': '3' });
    await user.untilEvent('end');
    assert.equal(stream.declaredLength, -1);
    assert.equal(stream.mayHaveTrailers, true);
    assert.equal(stream.trailers.toLowerCase(), 'x-sum: 3\r\n');
    assert.equal(user.body.latin1Slice(), 'abc');
  });

  contract('responses without a body end with their heads', async ({ user, session, server }) => {
    get(user);
    await user.until(() => server.requests[0]?.ended === true);
    server.head(0, 204, {});
    await user.untilEvent('end');
    const head = another(session);
    head.stream?.begin(GET.replace('GET', 'HEAD'), 0, true, LIMIT);
    head.stream?.end();
    await user.until(() => server.requests[1]?.ended === true);
    server.head(1, 200, { 'Content-Length': '10' });
    await head.untilEvent('end');
    assert.equal(head.stream?.declaredLength, 10);
    assert.equal(head.body.length, 0);
  });

  contract('interim heads come before the final one', async ({ user, server }) => {
    get(user);
    await user.until(() => server.requests[0]?.ended === true);
    server.head(0, 100, {});
    server.head(0, 103, { 'X-Number': '2' });
    server.head(0, 200, { 'Content-Length': '0' });
    await user.untilEvent('end');
    assert.deepEqual(
      user.events.filter((event) => !event.startsWith('fields')),
      ['ready', 'interim 100 ', 'interim 103 2', 'head 200 ', 'end'],
    );
  });

  for (const length of [-1, 40_012]) {
    contract(`a request body of ${length < 0 ? 'unknown' : 'declared'} length arrives whole`, async (opened) => {
      const { user, stream, server } = opened;
      const fields = length < 0 ? 'Transfer-Encoding: chunked\r\n\r\n' : `Content-Length: ${length}\r\n\r\n`;
      stream.begin(POST + fields, length, false, LIMIT);
      stream.sendText('abc', false);
      const borrowed = Buffer.alloc(40_000, 'x');
      stream.sendBorrowed(borrowed, 0, 20_000, false);
      stream.sendBorrowed(borrowed, 20_000, 40_000, false);
      borrowed.fill('y');
      stream.send(text('def'), false);
      assert.equal(server.requests[0]?.ended ?? false, false);
      stream.sendText('ghijkl', true);
      stream.end();
      await user.until(() => server.requests[0]?.ended === true);
      assert.equal(server.requests[0]?.body.latin1Slice(), `abc${'x'.repeat(40_000)}defghijkl`);
      server.head(0, 200, { 'Content-Length': '0' });
      await user.untilEvent('end');
    });
  }

  contract('a head is sent by `flush` before the body exists', async ({ user, stream, server }) => {
    stream.begin(`${POST}Content-Length: 3\r\n\r\n`, 3, false, LIMIT);
    stream.flush();
    await user.until(() => server.requests.length === 1);
    assert.equal(server.requests[0]?.ended, false);
    stream.sendText('abc', true);
    await user.until(() => server.requests[0]?.ended === true);
  });

  contract('a paused stream emits no data, and all of it after `resume`', async ({ user, stream, server }) => {
    get(user);
    await user.until(() => server.requests[0]?.ended === true);
    user.onDataHook = () => stream.pause();
    server.head(0, 200, { 'Content-Length': '300000' });
    server.data(0, Buffer.alloc(1, 'a'));
    await user.untilEvent('data');
    const before = user.body.length;
    server.data(0, Buffer.alloc(299_999, 'b'));
    for (let i = 0; i < 30; i++) await turn();
    assert.equal(user.body.length, before);
    assert.equal(user.events.includes('end'), false);
    user.onDataHook = () => {};
    stream.resume();
    await user.untilEvent('end');
    assert.equal(user.body.length, 300_000);
  });

  contract('no event follows `cancel`', async ({ user, stream, server }) => {
    get(user);
    await user.until(() => server.requests[0]?.ended === true);
    user.onDataHook = () => stream.cancel();
    server.head(0, 200, { 'Content-Length': '6' });
    server.data(0, text('abc'));
    await user.untilEvent('data');
    assert.equal(stream.open, false);
    server.data(0, text('def'));
    for (let i = 0; i < 30; i++) await turn();
    assert.equal(user.events.at(-1), 'data');
    assert.equal(user.body.latin1Slice(), 'abc');
    assert.equal(stream.sendText('ignored', true), true);
    stream.cancel();
    stream.release();
  });

  contract(
    'a connection closed before the end is a failure, the last event',
    async ({ user, stream, server, host }) => {
      get(user);
      await user.until(() => server.requests[0]?.ended === true);
      server.head(0, 200, { 'Content-Length': '6' });
      server.data(0, text('abc'));
      await user.untilEvent('data');
      server.close();
      await user.untilEvent('failure closed');
      assert.ok(host.closed > 0);
      assert.equal(stream.sendBorrowed(text('ignored'), 0, 7, true), true);
      for (let i = 0; i < 10; i++) await turn();
      assert.equal(user.events.at(-1), 'failure closed');
    },
  );

  contract('an idle session whose connection is closed notifies its host', async ({ user, session, server, host }) => {
    get(user);
    await user.until(() => server.requests[0]?.ended === true);
    server.head(0, 200, { 'Content-Length': '0' });
    await user.untilEvent('end');
    assert.equal(session.idle, true);
    server.close();
    await user.until(() => host.closed > 0);
    assert.equal(session.available, false);
  });

  contract('a session that its host does not keep is closed once it is idle', async ({ user, server, host }) => {
    host.keeps = false;
    get(user);
    await user.until(() => server.requests[0]?.ended === true);
    server.head(0, 200, { 'Content-Length': '0' });
    await user.untilEvent('end');
    await user.until(() => host.closed > 0);
  });

  contract('an idle session is used again', async ({ user, session, server }) => {
    get(user);
    await user.until(() => server.requests[0]?.ended === true);
    assert.equal(session.available, kind.concurrent);
    server.head(0, 200, { 'Content-Length': '0', 'X-Number': '0' });
    await user.untilEvent('end');
    for (let i = 1; i < 4; i++) {
      assert.equal(session.peerLeft(), false);
      const next = another(session);
      get(next, i);
      await user.until(() => server.requests[i]?.ended === true);
      assert.match(server.requests[i]?.head ?? '', new RegExp(`^GET /${i} `));
      server.head(i, 200, { 'Content-Length': '1', 'X-Number': `${i}` });
      server.data(i, text(`${i}`));
      await next.untilEvent('end');
      assert.deepEqual(next.events, ['fields 2', `head 200 ${i}`, 'data', 'end']);
      next.stream?.release();
    }
    // The first head is valid until its stream is released.
    assert.equal(user.stream?.head.headers.joined('x-number'), '0');
    user.stream?.release();
  });

  test(`${kind.name}: a refused connection is a failure`, async () => {
    const user = new RecordingUser();
    const host = new RecordingHost();
    const port = await closedPort();
    const { stream } = kind.open(host, user, { host: '127.0.0.1', port }, SocketTransport.connect);
    user.stream = stream;
    await user.untilEvent('failure connect');
    assert.deepEqual(user.events, ['failure connect']);
    assert.ok(host.closed > 0);
  });

  test(`${kind.name}: a connection that the host refuses is a failure before anything is sent`, async () => {
    const listener = await listening();
    listener.once('connection', (socket) => socket.on('end', () => socket.destroy()).resume());
    const user = new RecordingUser();
    const host = new RecordingHost();
    host.refusalText = 'not trusted';
    const { stream } = kind.open(host, user, target(listener), SocketTransport.connect);
    user.stream = stream;
    await user.untilEvent('failure refused');
    assert.deepEqual(user.events, ['failure refused']);
    assert.equal(stream.bytesSent, 0);
    await user.until(() => host.closed > 0);
    await closing(listener);
  });

  if (!kind.concurrent) return;

  contract('streams are independent of each other', async ({ user, session, server }) => {
    const users = [user, another(session), another(session)];
    for (const [i, each] of users.entries()) get(each, i + 1);
    await user.until(() => server.requests.length === 3);
    const index = (path: number): number => server.requests.findIndex(({ head }) => head.startsWith(`GET /${path} `));
    const [first, second, third] = [index(1), index(2), index(3)];
    for (const i of [third, first, second]) server.head(i, 200, kind.unknownLength);
    server.data(second, text('b'));
    users[0]?.stream?.pause();
    server.data(first, text('a'));
    users[2]?.stream?.cancel();
    server.data(second, text('B'));
    server.end(second);
    await users[1]?.untilEvent('end');
    assert.equal(users[1]?.body.latin1Slice(), 'bB');
    assert.equal(users[0]?.body.length, 0);
    assert.equal(users[2]?.events.includes('end'), false);
    users[0]?.stream?.resume();
    server.end(first);
    await users[0]?.untilEvent('end');
    assert.equal(users[0]?.body.latin1Slice(), 'a');
    assert.equal(session.idle, true);
    assert.equal(session.available, true);
  });

  contract('a closed connection fails all streams', async ({ user, session, server }) => {
    const other = another(session);
    get(user);
    get(other);
    await user.until(() => server.requests.length === 2);
    server.close();
    await user.untilEvent('failure closed');
    await other.untilEvent('failure closed');
  });
}

const NO_OWNER = {
  onBytes(): void {},
  onEnd(): void {},
  onDrain(): void {},
  onClosed(): void {},
  onConnected(): void {},
};

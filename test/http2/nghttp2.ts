/** Connections between the protocol core and nghttp2, as it is built into Node, with random messages in both directions. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import { FrameReader } from '../../src/http2/frame-reader.js';
import { Flag, FrameType, PREFACE } from '../../src/http2/frame-types.js';
import { memoryPair } from '../../src/net/memory-transport.js';
import type { Transport, TransportOwner } from '../../src/net/transport.js';
import { TransportStream } from '../../src/net/transport-stream.js';
import type { Random } from '../stress/random.js';
import { type Fields, Http2Endpoint, type Message } from './endpoint.js';
import { EventRecord, frame, settingsFrame, uint32 } from './frames.js';

const NAMES = [
  'x-a',
  'x-b',
  'x-c',
  'accept',
  'user-agent',
  'cookie',
  'authorization',
  'content-type',
  'server',
  'etag',
  'x-long-name-of-a-field',
];
const TEXT = 'abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ-_.:;,/="{}[]()<>@!#$%&*+?^`|~0123456789';

function randomText(random: Random, length: number): string {
  let text = '';
  for (let i = 0; i < length; i++) text += TEXT[random.below(TEXT.length)];
  // Spaces around a value are not part of it.
  return text.trim();
}

function randomFields(random: Random): [string, string][] {
  const fields: [string, string][] = [];
  for (let i = random.below(7); i > 0; i--) {
    const name = NAMES[random.below(NAMES.length)] as string;
    if (fields.some(([other]) => other === name)) continue;
    const length = random.below(12) === 0 ? 5000 : random.below(60);
    fields.push([name, random.below(2) === 0 ? 'repeated value' : randomText(random, length)]);
  }
  return fields;
}

function randomMessage(random: Random, pseudo: Fields): Message {
  const length = random.of([0, 0, 1, 100, 16384, 16385, 70_000, 140_001]);
  return {
    fields: [...pseudo, ...randomFields(random)],
    body: length === 0 ? '' : 'x'.repeat(random.below(length)) + randomText(random, 50),
    trailers: random.below(3) === 0 ? [['x-trailer', randomText(random, 20)]] : [],
  };
}

function headersOf(fields: Fields): http2.OutgoingHttpHeaders {
  return Object.fromEntries(fields);
}

/** Received fields as pairs; `date` was added by Node. */
function pairsOf(headers: http2.IncomingHttpHeaders, sent: Fields): [string, string][] {
  const own = new Set(sent.map(([name]) => name));
  return Object.entries(headers)
    .filter(([name]) => name !== 'date' || own.has(name))
    .map(([name, value]) => [name, String(value)] as [string, string])
    .sort();
}

function sorted(fields: Fields): [string, string][] {
  return fields.map(([name, value]) => [name, value] as [string, string]).sort();
}

async function bodyOf(stream: http2.Http2Stream): Promise<string> {
  let body = '';
  stream.setEncoding('latin1');
  for await (const piece of stream) body += piece;
  return body;
}

function respond(stream: http2.ServerHttp2Stream, { fields, body, trailers }: Message): void {
  const waitForTrailers = trailers.length > 0;
  if (waitForTrailers) stream.on('wantTrailers', () => stream.sendTrailers(headersOf(trailers)));
  stream.respond(headersOf(fields), { waitForTrailers });
  stream.end(body, 'latin1');
}

function randomOptions(random: Random): http2.SessionOptions {
  return {
    // None, aligned to 8 bytes, or the maximum.
    paddingStrategy: random.below(3),
    settings: {
      headerTableSize: random.of([0, 100, 4096, 65536]),
      initialWindowSize: random.of([1000, 65535, 1_000_000]),
      maxFrameSize: random.of([16384, 100_000]),
    },
  };
}

/** An endpoint of ours and a stream for Node, connected in memory. */
function connect(ours: TransportOwner, weConnect: boolean): { transport: Transport; stream: TransportStream } {
  const idle: TransportOwner = { onConnected() {}, onBytes() {}, onEnd() {}, onDrain() {}, onClosed() {} };
  const pair = weConnect ? memoryPair(ours, idle) : memoryPair(idle, ours);
  const [mine, other] = weConnect ? [pair.outgoing, pair.accepted] : [pair.accepted, pair.outgoing];
  const stream = new TransportStream((owner) => {
    other.owner = owner;
    return other;
  });
  stream.on('error', () => {});
  return { transport: mine, stream };
}

/** Node's client sends requests, the core reads and answers them. */
export async function serveNode(random: Random, requests: number): Promise<void> {
  const endpoint = new Http2Endpoint('client');
  const { transport, stream } = connect(endpoint, false);
  endpoint.start(transport);
  const session = http2.connect('http://node.example', { ...randomOptions(random), createConnection: () => stream });
  const failed = new Promise<never>((_resolve, reject) => {
    endpoint.onFailure = (reason) => reject(new Error(reason));
    session.on('error', reject);
  });
  const sent = new Map<string, Message>();
  const answers = new Map<string, Message>();
  endpoint.onMessage = (id, message) => {
    const path = message.fields.find(([name]) => name === ':path')?.[1] ?? '';
    const request = sent.get(path);
    assert.ok(request !== undefined);
    assert.deepEqual(sorted(message.fields), sorted([...request.fields, [':scheme', 'http']]));
    assert.equal(message.body, request.body);
    assert.deepEqual(message.trailers, request.trailers);
    const answer = randomMessage(random, [[':status', random.of(['200', '404', '299'])]]);
    answers.set(path, answer);
    endpoint.send(id, answer);
  };
  const request = async (i: number): Promise<void> => {
    const path = `/${i}`;
    const message = randomMessage(random, [
      [':method', random.of(['POST', 'PUT'])],
      [':path', path],
      [':authority', 'node.example'],
    ]);
    sent.set(path, message);
    const waitForTrailers = message.trailers.length > 0;
    const endStream = message.body === '' && !waitForTrailers;
    const client = session.request(headersOf(message.fields), { endStream, waitForTrailers });
    if (waitForTrailers) client.on('wantTrailers', () => client.sendTrailers(headersOf(message.trailers)));
    let trailers: http2.IncomingHttpHeaders = {};
    client.on('trailers', (received: http2.IncomingHttpHeaders) => (trailers = received));
    const headers = once(client, 'response');
    if (!endStream) client.end(message.body, 'latin1');
    // A stream may close in the turn in which its head arrives.
    const whole = bodyOf(client);
    const [received] = (await headers) as [http2.IncomingHttpHeaders];
    const body = await whole;
    const answer = answers.get(path);
    assert.ok(answer !== undefined);
    assert.deepEqual(pairsOf(received, answer.fields), sorted(answer.fields));
    assert.equal(body, answer.body);
    assert.deepEqual(pairsOf(trailers, []), sorted(answer.trailers));
  };
  try {
    await Promise.race([failed, Promise.all(Array.from({ length: requests }, (_, i) => request(i)))]);
  } finally {
    session.destroy();
    transport.destroy();
  }
}

/** The core sends requests to Node's server, and reads its answers. */
export async function requestFromNode(random: Random, requests: number): Promise<void> {
  const endpoint = new Http2Endpoint('upstream');
  const { transport, stream } = connect(endpoint, true);
  const server = http2.createServer(randomOptions(random));
  const sent = new Map<string, Message>();
  const answers = new Map<number, Message>();
  let pending = requests;
  try {
    await new Promise<void>((resolve, reject) => {
      endpoint.onFailure = (reason) => reject(new Error(reason));
      server.on('sessionError', reject);
      const serve = async (client: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders): Promise<void> => {
        const request = sent.get(headers[':path'] ?? '');
        assert.ok(request !== undefined);
        assert.deepEqual(pairsOf(headers, request.fields), sorted(request.fields));
        let trailers: http2.IncomingHttpHeaders = {};
        client.on('trailers', (received: http2.IncomingHttpHeaders) => (trailers = received));
        assert.equal(await bodyOf(client), request.body);
        assert.deepEqual(pairsOf(trailers, []), sorted(request.trailers));
        const answer = randomMessage(random, [[':status', '200']]);
        answers.set(client.id ?? 0, answer);
        respond(client, answer);
      };
      server.on('stream', (client, headers) => {
        serve(client, headers).catch(reject);
      });
      endpoint.onMessage = (id, message) => {
        try {
          const answer = answers.get(id);
          assert.ok(answer !== undefined);
          const own = new Set(answer.fields.map(([name]) => name));
          assert.deepEqual(
            sorted(message.fields.filter(([name]) => name !== 'date' || own.has(name))),
            sorted(answer.fields),
          );
          assert.equal(message.body, answer.body);
          assert.deepEqual(message.trailers, answer.trailers);
          if (--pending === 0) resolve();
        } catch (error) {
          reject(error as Error);
        }
      };
      server.emit('connection', stream);
      endpoint.start(transport);
      for (let i = 0; i < requests; i++) {
        const pseudo = [
          [':method', 'POST'],
          [':scheme', 'http'],
          [':authority', 'core.example'],
          [':path', `/${i}`],
        ] as const;
        const message = randomMessage(random, pseudo);
        sent.set(`/${i}`, message);
        endpoint.send(i * 2 + 1, message);
      }
    });
  } finally {
    stream.destroy();
    transport.destroy();
    server.close();
  }
}

/** Whether nghttp2 accepts a header block: a PING after it is answered. */
export async function nghttp2Accepts(blocks: readonly Buffer[]): Promise<boolean> {
  const record = new EventRecord();
  const reader = new FrameReader(record, { peer: 'upstream', preface: false, maxBlock: 100_000 });
  let decided: (accepted: boolean) => void = () => {};
  const result = new Promise<boolean>((resolve) => (decided = resolve));
  record.onPingAck = () => decided(true);
  record.onGoaway = (_last, code) => decided(code === 0);
  const owner: TransportOwner = {
    onConnected() {},
    onBytes: (_transport, bytes, length) => reader.feed(bytes, 0, length),
    onEnd() {},
    onDrain() {},
    onClosed: () => decided(false),
  };
  const { transport, stream } = connect(owner, true);
  const server = http2.createServer();
  server.on('stream', (client) => client.on('error', () => {}));
  server.on('sessionError', () => {});
  server.emit('connection', stream);
  const headers = blocks.map((block, i) =>
    frame(FrameType.Headers, Flag.EndHeaders | Flag.EndStream, i * 2 + 1, block),
  );
  const all = Buffer.concat([
    Buffer.from(PREFACE, 'latin1'),
    settingsFrame([]),
    ...headers,
    frame(FrameType.Ping, 0, 0, uint32(1, 2)),
  ]);
  transport.writeBorrowed(all, 0, all.length);
  const accepted = await result;
  stream.destroy();
  transport.destroy();
  server.close();
  return accepted;
}

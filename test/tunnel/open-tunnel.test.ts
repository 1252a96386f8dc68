/** Tunnels between transports of any kind: here, pairs of connections in memory. */
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { test } from 'node:test';
import { now } from '../../src/net/deadlines.js';
import { memoryPair } from '../../src/net/memory-transport.js';
import type { Transport, TransportOwner } from '../../src/net/transport.js';
import { Tap } from '../../src/tap/tap.js';
import { openTunnel } from '../../src/tunnel/open-tunnel.js';
import type { Tunnel } from '../../src/tunnel/tunnel.js';
import type { TunnelResult } from '../../src/tunnel/tunnel-settings.js';
import { WEBSOCKET } from '../../src/tunnel/websocket-settings.js';
import { close, codeOf, frame } from './raw-frames.js';

/** The program at the outer end of a connection. Emits `bytes`, `end` and `closed`. */
class Program extends EventEmitter implements TransportOwner {
  transport!: Transport;
  received = '';
  onBytes(_transport: Transport, bytes: Buffer, length: number): void {
    this.received += bytes.latin1Slice(0, length);
    this.emit('bytes');
  }
  onEnd(transport: Transport): void {
    this.emit('end');
    transport.destroySoon();
  }
  onDrain(): void {}
  onConnected(): void {}
  onClosed(): void {
    this.emit('closed');
  }
  async until(text: string): Promise<void> {
    while (!this.received.includes(text)) await once(this, 'bytes');
  }
}

const NO_OWNER: TransportOwner = { onBytes() {}, onEnd() {}, onDrain() {}, onConnected() {}, onClosed() {} };

/** A program, and the proxy's end of its connection. */
function connected(): { readonly program: Program; readonly side: Transport } {
  const program = new Program();
  const { outgoing, accepted } = memoryPair(program, NO_OWNER);
  program.transport = outgoing;
  accepted.pause();
  return { program, side: accepted };
}

/** Bytes that are no frames are forwarded as well. */
const websocket = {
  settings: WEBSOCKET.initial,
  reserved: 0,
  openStages: () => null,
  log: () => {},
  tap: new Tap(),
  tapFrames() {},
};
const lifetimes = { lifetime: 0, credentialExpiry: 0 };
const SETTINGS = {
  readTimeout: 60_000,
  sendTimeout: 60_000,
  clientSendTimeout: 60_000,
  lingering: 0,
  websocket,
  lifetimes,
};

function open(
  earlyFromClient = '',
  earlyFromUpstream = '',
  clientEnded = false,
  opened: (tunnel: Tunnel) => void = () => {},
): { readonly client: Program; readonly upstream: Program; readonly result: Promise<TunnelResult> } {
  const client = connected();
  const upstream = connected();
  const result = new Promise<TunnelResult>((resolve) => {
    openTunnel(
      { transport: client.side, early: Buffer.from(earlyFromClient, 'latin1'), peerEnded: clientEnded },
      { transport: upstream.side, early: Buffer.from(earlyFromUpstream, 'latin1'), peerEnded: false },
      SETTINGS,
      (tunnel) => {
        tunnel.owner = { ended: resolve };
        opened(tunnel);
      },
    );
  });
  return { client: client.program, upstream: upstream.program, result };
}

test('a tunnel forwards bytes both ways, those received before it first', async () => {
  const { client, upstream, result } = open('early question, ', 'early answer, ');
  client.transport.writeText('question');
  upstream.transport.writeText('answer');
  await Promise.all([upstream.until(', question'), client.until(', answer')]);
  assert.equal(upstream.received, 'early question, question');
  assert.equal(client.received, 'early answer, answer');
  client.transport.end();
  const { by, error, received, sent } = await result;
  assert.deepEqual({ by, error, received, sent }, { by: 'client', error: null, received: 6, sent: 24 });
});

test('a tunnel delivers the last bytes of a side that ends, then closes both', async () => {
  const { client, upstream, result } = open();
  const closed = [once(client, 'closed'), once(upstream, 'closed')];
  upstream.transport.writeText('last words');
  upstream.transport.end();
  await Promise.all(closed);
  assert.equal(client.received, 'last words');
  assert.equal((await result).by, 'upstream');
});

test('a client that ended before its tunnel was opened still has its bytes delivered', async () => {
  const { client, upstream, result } = open('all of it', '', true);
  await Promise.all([once(client, 'closed'), once(upstream, 'closed')]);
  assert.equal(upstream.received, 'all of it');
  assert.equal((await result).by, 'client');
});

test('a side that does not read stops the other one, and loses nothing', async () => {
  const { client, upstream } = open();
  const part = 'x'.repeat(65_536);
  let accepted = true;
  let parts = 0;
  upstream.transport.owner.onDrain = () => void upstream.emit('drain');
  client.transport.pause();
  // Each transport on the way accepts a bounded number of bytes.
  for (; accepted && parts < 100; parts++) {
    accepted = upstream.transport.writeText(part);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  assert.ok(parts < 20, `${parts} parts of 64 KiB were accepted`);
  client.transport.resume();
  while (client.received.length < parts * part.length) await once(client, 'bytes');
  assert.equal(client.received.length, parts * part.length);
});

test('a tunnel with frames is drained without a location or a request', async () => {
  const question = frame({ payload: 'question' }, true);
  const { client, upstream, result } = open(question, '', false, (tunnel) => {
    setImmediate(() => tunnel.drain({ code: 1012, at: 0, deadline: now() + 60_000 }));
  });
  await client.until(close(1012));
  assert.equal(upstream.received, question);
  client.transport.writeText(close(1012, true));
  while (upstream.received.length < question.length + 8) await once(upstream, 'bytes');
  assert.equal(codeOf(upstream.received.slice(question.length)), 1012);
  upstream.transport.writeText(close(1012));
  assert.equal((await result).by, 'drain');
});

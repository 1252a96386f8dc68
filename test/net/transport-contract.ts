/** Contract of `Transport`: tests that every implementation passes, over a connected pair of transports of its kind. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Transport, TransportOwner } from '../../src/net/transport.js';
import { Noting, pattern, random } from './sockets.js';

/** A connection whose two ends are transports of the kind under test. */
export interface TransportPair {
  readonly outgoing: Transport;
  readonly accepted: Transport;
  /** Releases listeners; the ends are closed. */
  close(): Promise<void>;
}

export interface TransportKind {
  readonly name: string;
  /** Whether `reset` differs from an orderly end for the peer. */
  readonly resets: boolean;
  /** Resolves once the accepted end exists. `early` is called as soon as the outgoing end exists. */
  connect(
    outgoing: TransportOwner,
    accepted: TransportOwner,
    early?: (outgoing: Transport) => void,
  ): Promise<TransportPair>;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Writes until bytes stay pending, because the peer does not read; returns the number of bytes written. */
async function fill(transport: Transport, piece: Buffer): Promise<number> {
  let written = 0;
  for (let turns = 0; turns < 20; turns++) {
    if (transport.pending === 0) {
      turns = 0;
      transport.writeBorrowed(piece, 0, piece.length);
      written += piece.length;
    }
    await turn();
  }
  return written;
}

/** Records the order of events besides what Noting records, and whether one was emitted within a call. */
class Recorder extends Noting {
  readonly events: string[] = [];
  /** Set by tests around calls of the transport's methods. */
  calling = false;
  onEvent: (event: string, transport: Transport) => void = () => {};

  private note(event: string, transport: Transport): void {
    assert.equal(this.calling, false, `${event} was emitted within a call`);
    if (event !== this.events.at(-1) || event !== 'bytes') this.events.push(event);
    this.onEvent(event, transport);
  }
  override onBytes(transport: Transport, bytes: Buffer, length: number): void {
    assert.equal(transport.paused, false, 'bytes while paused');
    super.onBytes(transport, bytes, length);
    this.note('bytes', transport);
  }
  override onEnd(transport?: Transport): void {
    super.onEnd();
    this.note('end', transport as Transport);
  }
  override onDrain(transport?: Transport): void {
    super.onDrain();
    this.note('drain', transport as Transport);
  }
  override onClosed(transport: Transport, error: NodeJS.ErrnoException | null): void {
    super.onClosed(transport, error);
    assert.equal(transport.closed, true);
    this.note('closed', transport);
  }
  override onConnected(transport?: Transport): void {
    super.onConnected();
    this.note('connected', transport as Transport);
  }
}

interface Ends extends TransportPair {
  readonly client: Recorder;
  readonly server: Recorder;
}

export function transportContract(kind: TransportKind): void {
  const connected = async (): Promise<Ends> => {
    const [client, server] = [new Recorder(), new Recorder()];
    const pair = await kind.connect(client, server);
    await client.until(() => client.connected === 1);
    return { ...pair, client, server };
  };
  const finish = async (ends: Ends): Promise<void> => {
    ends.outgoing.destroy();
    ends.accepted.destroy();
    await ends.client.until(() => ends.client.closed > 0);
    await ends.server.until(() => ends.server.closed > 0);
    for (let turns = 0; turns < 3; turns++) await turn();
    for (const { closed, events } of [ends.client, ends.server]) {
      assert.equal(closed, 1);
      assert.equal(events.at(-1), 'closed');
    }
    await ends.close();
  };
  const contract = (fact: string, run: (ends: Ends) => Promise<void>): void => {
    test(`${kind.name}: ${fact}`, { timeout: 30_000 }, async () => {
      const ends = await connected();
      await run(ends);
      await finish(ends);
    });
  };

  test(`${kind.name}: writes before the connection is established arrive first, and are copied if borrowed`, async () => {
    const [client, server] = [new Recorder(), new Recorder()];
    const borrowed = pattern(30_000, 3);
    const expected = Buffer.concat([Buffer.from('first'), borrowed, Buffer.from('last')]);
    const pair = await kind.connect(client, server, (outgoing) => {
      outgoing.writeText('first');
      outgoing.writeBorrowed(borrowed, 0, borrowed.length);
      borrowed.fill(0);
      outgoing.writeText('last');
    });
    await server.until(() => server.length === expected.length);
    assert.ok(server.bytes.equals(expected));
    await finish({ ...pair, client, server });
  });

  contract('all kinds of writes keep their order, and borrowed bytes may change after the call', async (ends) => {
    const { outgoing, client, server } = ends;
    const next = random(9);
    const sent: Buffer[] = [];
    for (let i = 0; i < 200; i++) {
      const bytes = pattern(next(i % 20 === 0 ? 200_000 : 9000), i);
      const [before, after] = [`<${i}>`.repeat(next(9)), `</${i}>`.repeat(next(3))];
      const way = i % 5;
      const parts = [way > 2 ? before : '', bytes, way === 3 ? after : ''];
      sent.push(Buffer.concat(parts.map((part) => Buffer.from(part))));
      const drained = client.drained;
      let more: boolean;
      client.calling = true;
      if (way === 0) more = outgoing.writeText(bytes.latin1Slice());
      else if (way === 1) more = outgoing.write(bytes);
      else if (way === 4) more = outgoing.write(bytes, before);
      else {
        if (way === 2) more = outgoing.writeBorrowed(bytes, 0, bytes.length);
        else more = outgoing.writeFramed(before, bytes, 0, bytes.length, after);
        bytes.fill(0);
      }
      client.calling = false;
      assert.equal(outgoing.waiting, !more);
      if (!more) await client.until(() => client.drained > drained);
    }
    const all = Buffer.concat(sent);
    await server.until(() => server.length === all.length);
    assert.ok(server.bytes.equals(all));
    assert.deepEqual([outgoing.bytesWritten, ends.accepted.bytesRead], [all.length, all.length]);
  });

  contract('a reader that pauses makes writes pend; after resume all arrive, and drain follows once', async (ends) => {
    const { outgoing, accepted, client, server } = ends;
    accepted.pause();
    const piece = pattern(60_000, 1);
    let written = await fill(outgoing, piece);
    assert.ok(outgoing.pending > 0);
    while (!outgoing.waiting) {
      outgoing.writeBorrowed(piece, 0, piece.length);
      written += piece.length;
    }
    const { drained } = client;
    let flushed = 0;
    outgoing.whenFlushed(() => {
      flushed++;
    });
    for (let turns = 0; turns < 20; turns++) await turn();
    assert.deepEqual([server.length, client.drained, flushed], [0, drained, 0]);
    accepted.resume();
    await server.until(() => server.length === written);
    await client.until(() => client.drained === drained + 1);
    for (let turns = 0; turns < 5; turns++) await turn();
    assert.deepEqual([outgoing.pending, outgoing.waiting, client.drained, flushed], [0, false, drained + 1, 1]);
    outgoing.whenFlushed(() => {
      flushed++;
    });
    assert.equal(flushed, 2);
  });

  contract(
    'a write that returns false is the last of a finite number, and progress is only made by the peer',
    async (ends) => {
      const { outgoing, accepted, client } = ends;
      accepted.pause();
      await fill(outgoing, Buffer.alloc(16_384));
      let writes = 1;
      while (outgoing.writeText('x')) writes++;
      assert.ok(writes < 100_000);
      outgoing.madeProgress();
      assert.equal(outgoing.madeProgress(), false);
      const { drained } = client;
      accepted.resume();
      await client.until(() => client.drained > drained);
      assert.equal(outgoing.madeProgress(), true);
      assert.equal(outgoing.madeProgress(), false);
    },
  );

  contract('pausing within onBytes stops delivery at once', async (ends) => {
    const { outgoing, accepted, server } = ends;
    server.onEvent = (event) => {
      if (event === 'bytes') accepted.pause();
    };
    const all = pattern(600_000, 4);
    outgoing.write(all);
    for (let calls = 1; server.length < all.length; calls++) {
      await server.until(() => server.received.length === calls);
      for (let turns = 0; turns < 3; turns++) await turn();
      assert.equal(server.received.length, calls);
      accepted.resume();
    }
    assert.ok(server.bytes.equals(all));
  });

  contract('an end reaches the peer after all bytes, and the other direction stays open', async (ends) => {
    const { outgoing, accepted, client, server } = ends;
    const all = pattern(1_000_000, 5);
    client.calling = true;
    outgoing.write(all);
    outgoing.end();
    client.calling = false;
    await server.until(() => server.ended === 1);
    assert.equal(server.length, all.length);
    assert.deepEqual([server.closed, client.closed], [0, 0]);
    accepted.writeText('still open');
    await client.until(() => client.length === 10);
    accepted.end();
    await client.until(() => client.closed === 1);
    await server.until(() => server.closed === 1);
    assert.deepEqual([client.error, server.error, client.ended], [null, null, 1]);
    assert.deepEqual([client.events[0], ...client.events.slice(-2)], ['connected', 'end', 'closed']);
  });

  contract('a paused transport reports the end of its peer after it is resumed and has read all', async (ends) => {
    const { outgoing, accepted, server } = ends;
    accepted.pause();
    outgoing.writeText('last');
    outgoing.end();
    for (let turns = 0; turns < 20; turns++) await turn();
    assert.deepEqual([server.length, server.ended], [0, 0]);
    accepted.resume();
    await server.until(() => server.ended === 1);
    assert.equal(server.bytes.toString(), 'last');
  });

  contract('destroySoon sends pending data and then closes without waiting for the peer', async (ends) => {
    const { outgoing, accepted, client, server } = ends;
    // TLS: a client that closes before it has received the session tickets of the server resets the connection.
    accepted.writeText('a');
    await client.until(() => client.length === 1);
    const all = pattern(1_000_000, 6);
    outgoing.write(all);
    outgoing.destroySoon();
    await client.until(() => client.closed === 1);
    await server.until(() => server.ended === 1);
    assert.ok(server.bytes.equals(all));
    assert.equal(client.error, null);
  });

  contract('destroy closes later in the turn, with null as its error, and flush callbacks run', async (ends) => {
    const { outgoing, accepted, client } = ends;
    accepted.pause();
    outgoing.write(Buffer.alloc(10_000_000));
    let flushed = 0;
    outgoing.whenFlushed(() => {
      flushed++;
    });
    client.calling = true;
    outgoing.destroy();
    assert.deepEqual([outgoing.closing, outgoing.closed], [true, false]);
    client.calling = false;
    await client.until(() => client.closed === 1);
    for (let turns = 0; turns < 3; turns++) await turn();
    assert.deepEqual([client.error, flushed], [null, 1]);
    accepted.resume();
    await ends.server.until(() => ends.server.closed + ends.server.ended > 0);
  });

  if (kind.resets) {
    contract('a reset reaches the peer as ECONNRESET, without an end', async (ends) => {
      const { outgoing, accepted, client, server } = ends;
      accepted.writeText('a');
      outgoing.writeText('b');
      await client.until(() => client.length === 1);
      await server.until(() => server.length === 1);
      outgoing.reset();
      await server.until(() => server.closed === 1);
      await client.until(() => client.closed === 1);
      assert.deepEqual([server.error?.code, server.ended, client.error], ['ECONNRESET', 0, null]);
    });

    contract('an outgoing transport detects a reset behind data that it has not read', async (ends) => {
      const { outgoing, accepted, client } = ends;
      outgoing.writeText('request');
      await ends.server.until(() => ends.server.length === 7);
      outgoing.pause();
      accepted.writeText('partial');
      await turn();
      accepted.reset();
      for (let turns = 0; turns < 5; turns++) await turn();
      outgoing.resume();
      await client.until(() => client.closed === 1);
      assert.deepEqual([client.error?.code, client.ended], ['ECONNRESET', 0]);
    });
  }

  contract('peerLeft detects data and the end of an idle connection before the owner is notified', async (ends) => {
    const { outgoing, accepted, client, server } = ends;
    outgoing.writeText('a');
    await server.until(() => server.length === 1);
    assert.equal(outgoing.peerLeft(), false);
    accepted.end();
    await client.until(() => client.ended === 1);
    assert.equal(outgoing.peerLeft(), true);
  });

  contract('a transport can be used in any way after it has closed, without effect', async (ends) => {
    const { outgoing, client } = ends;
    const use = (): void => {
      outgoing.writeText('x');
      outgoing.writeBorrowed(Buffer.alloc(5000), 0, 5000);
      outgoing.writeFramed('a', Buffer.alloc(5000), 0, 5000, 'b');
      outgoing.write(Buffer.alloc(5000), 'a');
      outgoing.pause();
      outgoing.resume();
      outgoing.whenFlushed(() => {});
      outgoing.setNoDelay(true);
      outgoing.setKeepAlive(true);
      outgoing.madeProgress();
      outgoing.end();
      outgoing.destroySoon();
      outgoing.destroy();
      outgoing.reset();
    };
    outgoing.destroy();
    use();
    await client.until(() => client.closed === 1);
    use();
    assert.deepEqual([outgoing.peerLeft(), outgoing.writable, outgoing.closing], [true, false, true]);
    let flushed = false;
    outgoing.whenFlushed(() => {
      flushed = true;
    });
    assert.ok(flushed);
  });

  contract('a new owner receives all further events', async (ends) => {
    const { outgoing, accepted, server } = ends;
    outgoing.writeText('a');
    await server.until(() => server.length === 1);
    const tunnel = new Recorder();
    accepted.owner = tunnel;
    outgoing.writeText('b');
    outgoing.end();
    await tunnel.until(() => tunnel.ended === 1);
    assert.deepEqual([server.length, tunnel.bytes.toString()], [1, 'b']);
    accepted.owner = server;
  });

  contract('two ends that write at random, pause and end lose nothing', async (ends) => {
    const next = random(17);
    const sides = [
      { from: ends.outgoing, to: ends.accepted, owner: ends.client, reader: ends.server, sent: [] as Buffer[] },
      { from: ends.accepted, to: ends.outgoing, owner: ends.server, reader: ends.client, sent: [] as Buffer[] },
    ];
    const write = async ({ from, owner, sent }: (typeof sides)[number]): Promise<void> => {
      for (let i = 0; i < 60; i++) {
        const bytes = pattern(next(50_000), i);
        sent.push(Buffer.from(bytes));
        const { drained } = owner;
        if (!from.writeBorrowed(bytes, 0, bytes.length)) await owner.until(() => owner.drained > drained);
        bytes.fill(1);
        if (next(4) === 0) await turn();
      }
      from.end();
    };
    const read = async ({ to, reader }: (typeof sides)[number]): Promise<void> => {
      while (reader.ended === 0) {
        to.pause();
        await turn();
        to.resume();
        for (let turns = next(5); turns >= 0; turns--) await turn();
      }
    };
    await Promise.all(sides.flatMap((side) => [write(side), read(side)]));
    for (const { reader, sent } of sides) assert.ok(reader.bytes.equals(Buffer.concat(sent)));
    await ends.client.until(() => ends.client.closed === 1);
    assert.deepEqual([ends.client.error, ends.server.error], [null, null]);
  });
}

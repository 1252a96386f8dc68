/** Contract of `ResponseSink`: tests that every sink passes, in front of an exchange whose client may be slow. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ResponseHead } from '../../src/http/response-head.js';
import { bufferedMemory } from '../../src/net/buffer-limit.js';
import type { Producer } from '../../src/program/body.js';
import type { Client, Session } from '../../src/program/session.js';
import type { ResponseSink, ResponseTarget } from '../../src/upstream/response-sink.js';
import { sessionFrom } from './session.js';

/** An exchange that records its response. Its client accepts bytes until `slow` is set, and again after `accept`. */
export class RecordingExchange implements ResponseTarget {
  readonly session: Session & { readonly client: Client & { closed: boolean } };
  readonly response = new ResponseHead();
  producer: Producer | null = null;
  upstreamTrailers = '';
  readonly events: string[] = [];
  body = Buffer.alloc(0);
  slow = false;
  /** Whether a filter replaces the response. */
  replaces = false;
  onBytes: () => void = () => {};

  constructor() {
    const session = sessionFrom();
    this.session = { ...session, client: { ...session.client, closed: false } };
  }
  sendHead(): boolean {
    this.events.push('head');
    if (this.replaces) this.producer?.abort();
    return !this.replaces;
  }
  writeBytes(bytes: Buffer, start: number, end: number): boolean {
    this.body = Buffer.concat([this.body, bytes.subarray(start, end)]);
    if (this.events.at(-1) !== 'bytes') this.events.push('bytes');
    this.onBytes();
    return !this.slow;
  }
  flush(): void {
    this.events.push('flush');
  }
  end(): void {
    this.events.push('end');
  }
  abort(): void {
    this.events.push('abort');
    this.producer?.abort();
    this.producer = null;
  }
  finalize(status: number): void {
    this.events.push(`status ${status}`);
  }

  /** The client accepts data again. */
  accept(): void {
    this.slow = false;
    this.producer?.resume();
  }
}

/** Passes `length` bytes of a pattern to a sink, in pieces, as long as it accepts them. */
export class PatternSource implements Producer {
  sink: ResponseSink | null = null;
  passed = 0;
  aborted = 0;
  resumed = 0;
  private paused = false;

  constructor(private readonly length: number) {}

  start(): void {
    while (!this.paused && this.passed < this.length && this.aborted === 0) {
      const piece = pattern(this.passed, Math.min(this.length - this.passed, 10_000));
      this.passed += piece.length;
      const more = this.sink?.bytes(piece, 0, piece.length) === true;
      // Borrowed bytes change after the call.
      piece.fill(0);
      if (!more) this.paused = true;
    }
    if (this.passed === this.length && this.aborted === 0) {
      this.passed++;
      this.sink?.end('X-Sum: 1\r\n');
    }
  }
  resume(): void {
    this.resumed++;
    this.paused = false;
    this.start();
  }
  abort(): void {
    this.aborted++;
  }
}

function pattern(from: number, length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => (from + i) % 251));
}

export interface SinkKind {
  readonly name: string;
  /** Whether a client that does not read stops the source. */
  readonly limited: boolean;
  create(x: RecordingExchange, source: Producer): ResponseSink;
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; !condition(); i++) {
    assert.ok(i < 20_000);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

export function sinkContract(kind: SinkKind): void {
  const contract = (
    name: string,
    length: number,
    run: (x: RecordingExchange, sink: ResponseSink, source: PatternSource) => Promise<void>,
  ): void => {
    test(`${kind.name}: ${name}`, async () => {
      const before = bufferedMemory();
      const x = new RecordingExchange();
      const source = new PatternSource(length);
      const sink = kind.create(x, source);
      source.sink = sink;
      await run(x, sink, source);
      sink.release();
      await until(() => bufferedMemory() === before);
    });
  };
  const LONG = 300_000;

  contract('a response is a head, its bytes and an end with trailers', 25_000, async (x, sink, source) => {
    assert.equal(sink.head(x.response), true);
    source.start();
    await until(() => x.events.includes('end'));
    assert.deepEqual(x.events, ['head', 'bytes', 'end']);
    assert.ok(x.body.equals(pattern(0, 25_000)));
    assert.equal(x.upstreamTrailers, 'X-Sum: 1\r\n');
    assert.equal(source.aborted, 0);
  });

  contract('a client that is slow again and again receives everything in order', LONG, async (x, sink, source) => {
    sink.head(x.response);
    x.onBytes = () => {
      x.slow = true;
    };
    source.start();
    while (!x.events.includes('end')) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      x.accept();
    }
    assert.ok(x.body.equals(pattern(0, LONG)));
  });

  contract('bytes passed to a sink that accepts no more are not lost', 0, async (x, sink) => {
    sink.head(x.response);
    x.slow = true;
    for (let i = 0; i < 5; i++) sink.bytes(pattern(i * 1000, 1000), 0, 1000);
    sink.end('');
    x.accept();
    await until(() => x.events.includes('end'));
    assert.ok(x.body.equals(pattern(0, 5000)));
  });

  contract(
    'a client that does not read pauses the source only if the sink has a limit',
    LONG,
    async (x, sink, source) => {
      sink.head(x.response);
      x.slow = true;
      source.start();
      await until(() => source.passed >= (kind.limited ? 1 : LONG));
      for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 1));
      if (kind.limited) assert.ok(source.passed < LONG, `${source.passed} bytes passed`);
      x.accept();
      await until(() => x.events.includes('end'));
      assert.ok(x.body.equals(pattern(0, LONG)));
    },
  );

  contract('a truncated response is delivered as far as it was passed, then aborted', 0, async (x, sink, source) => {
    sink.head(x.response);
    x.slow = true;
    sink.bytes(pattern(0, 5000), 0, 5000);
    sink.truncate();
    x.accept();
    await until(() => x.events.includes('abort'));
    assert.ok(x.body.equals(pattern(0, 5000)));
    assert.deepEqual(x.events, ['head', 'bytes', 'flush', 'abort']);
    assert.equal(source.aborted, 0, 'the source has ended by itself');
    assert.equal(x.producer, null);
  });

  contract('a failure before the head ends the exchange with its status', 0, async (x, sink) => {
    sink.fail(502);
    assert.deepEqual(x.events, ['status 502']);
    assert.equal(x.producer, null);
  });

  contract('a client that leaves aborts the source, and nothing more is passed on', LONG, async (x, sink, source) => {
    sink.head(x.response);
    x.slow = true;
    source.start();
    await until(() => x.body.length > 0);
    const before = x.body.length;
    x.abort();
    assert.ok(source.aborted > 0);
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 1));
    assert.equal(x.body.length, before);
    assert.equal(x.events.includes('end'), false);
  });

  contract('a head that a filter replaces aborts the source', LONG, async (x, sink, source) => {
    x.replaces = true;
    assert.equal(sink.head(x.response), false);
    assert.ok(source.aborted > 0);
  });
}

/** The contract of response sinks for each of them, and for a double that copies a response. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Producer } from '../../src/program/body.js';
import type { Exchange } from '../../src/program/exchange.js';
import { Tap } from '../../src/tap/tap.js';
import { EventStream } from '../../src/upstream/event-stream.js';
import { EVENT_STREAMS, type EventStreamSettings } from '../../src/upstream/event-stream-settings.js';
import { ReadingRate } from '../../src/upstream/reading-rate.js';
import { ResponseRelay } from '../../src/upstream/response-relay.js';
import { ExchangeSink } from '../../src/upstream/response-sink.js';
import { ResponseSpool, type SpoolSettings } from '../../src/upstream/response-spool.js';
import { ResponseStore } from '../../src/upstream/response-store.js';
import { PatternSource, RecordingExchange, sinkContract } from './sink-contract.js';
import { TeeSink } from './tee-sink.js';

const directory = mkdtempSync(join(tmpdir(), 'tsproxy-sinks-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const inMemory: SpoolSettings = { memory: 32_768, file: 0, writeSize: 16_384, place: { path: directory, levels: [] } };
const inFiles: SpoolSettings = { ...inMemory, file: 1 << 30 };

function relay(x: RecordingExchange, source: Producer, settings: SpoolSettings, buffered: boolean): ResponseRelay {
  const exchange = new ExchangeSink(x, source);
  const relay = new ResponseRelay(x.session, settings, exchange, source);
  relay.buffered = buffered;
  exchange.source = relay;
  return relay;
}

function spool(x: RecordingExchange, source: Producer, settings: SpoolSettings): ResponseSpool {
  const exchange = new ExchangeSink(x, source);
  const spool = new ResponseSpool(x.session, settings, exchange, source);
  exchange.source = spool;
  spool.resume();
  return spool;
}

function rate(x: RecordingExchange, source: Producer): ReadingRate {
  const next = relay(x, source, inMemory, true);
  const rate = new ReadingRate(next, source, 10_000_000);
  next.source = rate;
  return rate;
}

function events(x: RecordingExchange, source: Producer, settings: Partial<EventStreamSettings>): EventStream {
  const next = relay(x, source, inMemory, true);
  const again = { resume: () => source.resume(), abort: () => source.abort(), requestAgain() {} };
  const options = { lastEventId: '', repeatable: false, idempotent: false, tap: new Tap(), tapId: () => '' };
  const stream = new EventStream(x.session, next, again, {
    ...options,
    settings: { ...EVENT_STREAMS.initial, ...settings },
  });
  next.source = stream;
  return stream;
}

sinkContract({ name: 'exchange', limited: true, create: (x, source) => new ExchangeSink(x, source) });
sinkContract({
  name: 'relay without buffering',
  limited: true,
  create: (x, source) => relay(x, source, inFiles, false),
});
sinkContract({ name: 'relay with a spool', limited: true, create: (x, source) => relay(x, source, inMemory, true) });
sinkContract({ name: 'spool in memory', limited: true, create: (x, source) => spool(x, source, inMemory) });
sinkContract({ name: 'spool with a file', limited: false, create: (x, source) => spool(x, source, inFiles) });
sinkContract({ name: 'rate and spool', limited: true, create: rate });
sinkContract({
  name: 'store and spool',
  limited: true,
  create(x, source) {
    const path = { of: () => join(directory, 'stored') };
    // The path does not depend on the exchange, which is used for logging only.
    const exchange = x.session as unknown as Exchange;
    const settings = { path, access: 0o600, place: inMemory.place };
    return new ResponseStore(relay(x, source, inMemory, true), exchange, settings, undefined);
  },
});
sinkContract({ name: 'events and spool', limited: true, create: (x, source) => events(x, source, {}) });
const reconnect = { attempts: 1, time: 1, buffer: 1000, withoutIds: false, nonIdempotent: false };
sinkContract({
  name: 'whole events and spool',
  limited: true,
  create: (x, source) => events(x, source, { reconnect }),
});
sinkContract({ name: 'tee', limited: true, create: (x, source) => new TeeSink(new ExchangeSink(x, source)) });
sinkContract({ name: 'tee and spool', limited: true, create: (x, source) => new TeeSink(spool(x, source, inMemory)) });

test('a tee has the whole response, however slow the client is', async () => {
  const x = new RecordingExchange();
  const source = new PatternSource(100_000);
  const tee = new TeeSink(relay(x, source, inFiles, true));
  source.sink = tee;
  x.response.status = 200;
  x.slow = true;
  tee.head(x.response);
  source.start();
  while (tee.result === '') await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal(tee.result, 'complete');
  x.accept();
  while (!x.events.includes('end')) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.ok(tee.copy.equals(x.body));
  assert.equal(tee.copy.length, 100_000);
  assert.equal(tee.status, 200);
});

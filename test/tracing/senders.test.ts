/** Senders of spans: OTLP over gRPC and over HTTP, against collectors that answer, refuse, fail and are slow. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http2';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { test } from 'node:test';
import type { ExporterSettings } from '../../src/tracing/exporter-settings.js';
import { GrpcSender } from '../../src/tracing/grpc-sender.js';
import { openSender } from '../../src/tracing/open-sender.js';
import type { EndedSpan } from '../../src/tracing/span.js';
import { certificates, withoutOpenssl } from '../kit/certificates.js';
import { closedPort, until } from '../kit/index.js';
import { type Collector, grpcCollector, httpCollector } from '../kit/otlp.js';

/** Status codes of gRPC. */
const INVALID_ARGUMENT = 3;
const UNAVAILABLE = 14;

function settings(endpoint: string, more: Partial<ExporterSettings> = {}): ExporterSettings {
  return {
    protocol: 'grpc',
    endpoint,
    secure: false,
    trustedCertificate: null,
    headers: [],
    resource: { 'service.name': 'test' },
    userAgent: 'tsproxy/test',
    ...more,
  };
}

const SPAN: EndedSpan = {
  name: 'näme',
  kind: 'server',
  traceId: '0123456789abcdef0123456789abcdef',
  spanId: '0123456789abcdef',
  parentId: 'fedcba9876543210',
  parentIsRemote: true,
  state: 'a=1',
  start: 1_700_000_000_123.25,
  end: 1_700_000_001_000,
  attributes: { text: 'ü', number: 5, fraction: 0.25, yes: true, list: ['a', 'b'] },
  events: [{ name: 'event', time: 1_700_000_000_500, attributes: { of: 'event' } }],
  droppedEvents: 3,
  failure: 'broken',
};

/** A response with partial success: `rejected_spans` 2, `error_message` "too old". */
const PARTIAL = Buffer.from([0x0a, 11, 0x08, 2, 0x12, 7, ...Buffer.from('too old')]);

const PROTOCOLS = { grpc: grpcCollector, http: httpCollector } as const;

for (const protocol of ['grpc', 'http'] as const) {
  test(`a span arrives unchanged over ${protocol}, with the configured fields`, async (t) => {
    const collector = await PROTOCOLS[protocol]();
    const headers = [['x-token', 'value']] as const;
    const sender = openSender(settings(`127.0.0.1:${collector.port}`, { protocol, headers }));
    t.after(() => {
      sender.close();
      return collector.close();
    });
    assert.equal(await sender.send([SPAN, { ...SPAN, kind: 'client', parentId: '', failure: null }]), null);
    const [batch] = collector.batches;
    assert.deepEqual(batch?.resource, { 'service.name': 'test' });
    assert.equal(batch.fields['x-token'], 'value');
    assert.match(batch.fields['user-agent'] ?? '', /^tsproxy\/test/);
    const [first, second] = batch.spans;
    assert.deepEqual(first, {
      traceId: SPAN.traceId,
      spanId: SPAN.spanId,
      parentId: SPAN.parentId,
      state: 'a=1',
      name: 'näme',
      kind: 2,
      start: 1_700_000_000_123_250_000n,
      end: 1_700_000_001_000_000_000n,
      attributes: SPAN.attributes,
      events: [{ name: 'event', time: 1_700_000_000_500_000_000n, attributes: { of: 'event' } }],
      droppedEvents: 3,
      message: 'broken',
      status: 2,
    });
    assert.deepEqual([second?.kind, second?.parentId, second?.status, second?.message], [3, '', 0, '']);
    assert.ok(second !== undefined && second.end >= second.start);
  });

  test(`a refused batch is an error over ${protocol}`, async (t) => {
    const refuse = protocol === 'grpc' ? INVALID_ARGUMENT : 400;
    const collector = await PROTOCOLS[protocol]({ answer: () => ({ refuse }) });
    const sender = openSender(settings(`127.0.0.1:${collector.port}`, { protocol }));
    t.after(() => {
      sender.close();
      return collector.close();
    });
    await assert.rejects(sender.send([SPAN]), protocol === 'grpc' ? /^Error: refused by the test$/ : /Bad Request/);
    assert.equal(collector.batches.length, 1);
  });

  test(`a batch is sent again over ${protocol} while the collector is unavailable`, async (t) => {
    const refuse = protocol === 'grpc' ? UNAVAILABLE : 503;
    const collector: Collector = await PROTOCOLS[protocol]({
      answer: () => (collector.batches.length < 2 ? { refuse } : {}),
    });
    const sender = openSender(settings(`127.0.0.1:${collector.port}`, { protocol }));
    t.after(() => {
      sender.close();
      return collector.close();
    });
    await sender.send([SPAN]);
    assert.equal(collector.batches.length, 2);
  });
}

test('all spans of a large batch arrive in their order', async (t) => {
  const collector = await grpcCollector();
  const sender = openSender(settings(`127.0.0.1:${collector.port}`));
  t.after(() => {
    sender.close();
    return collector.close();
  });
  const names = Array.from({ length: 512 }, (_, i) => `span ${i}`);
  await sender.send(names.map((name) => ({ ...SPAN, name })));
  assert.deepEqual(
    collector.spans.map(({ name }) => name),
    names,
  );
  assert.equal(collector.batches.length, 1);
});

test('spans that the collector rejects are reported', async (t) => {
  const collector = await grpcCollector({ answer: () => ({ response: PARTIAL }) });
  const sender = openSender(settings(`127.0.0.1:${collector.port}`));
  t.after(() => {
    sender.close();
    return collector.close();
  });
  assert.deepEqual(await sender.send([SPAN]), { spans: 2, reason: 'too old' });
});

test('a collector that has been restarted gets the next batch', async (t) => {
  let collector = await grpcCollector();
  const sender = openSender(settings(`127.0.0.1:${collector.port}`));
  t.after(() => {
    sender.close();
    return collector.close();
  });
  await sender.send([SPAN]);
  const { port } = collector;
  await collector.close();
  collector = await grpcCollector({ port });
  await sender.send([SPAN]);
  assert.equal(collector.spans.length, 1);
});

test('TLS verifies the collector by the trusted certificate', { skip: withoutOpenssl }, async (t) => {
  const authority = certificates();
  const tls = { cert: authority.read('ec.crt'), key: authority.read('ec.key') };
  const collector = await grpcCollector({ tls });
  const endpoint = `localhost:${collector.port}`;
  const trusted = openSender(settings(endpoint, { secure: true, trustedCertificate: authority.read('ca.crt') }));
  const untrusted = openSender(settings(endpoint, { secure: true }));
  t.after(() => {
    trusted.close();
    untrusted.close();
    return collector.close();
  });
  await trusted.send([SPAN]);
  assert.equal(collector.spans.length, 1);
  await assert.rejects(untrusted.send([SPAN]), /certificate/);
  assert.equal(collector.spans.length, 1);
});

test('servers that do not speak gRPC are errors that name the reason', async (t) => {
  const http2 = createServer();
  http2.on('stream', (stream) => {
    stream.on('error', () => {});
    stream.respond({ ':status': 404 });
    stream.end('not found');
  });
  await new Promise<void>((resolve) => http2.listen(0, '127.0.0.1', resolve));
  const garbage = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
  });
  await new Promise<void>((resolve) => garbage.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    http2.close();
    garbage.close();
  });
  const portOf = (server: { address(): unknown }): number => (server.address() as { port: number }).port;
  const found = openSender(settings(`127.0.0.1:${portOf(http2)}`));
  await assert.rejects(found.send([SPAN]), /^Error: HTTP status 404$/);
  found.close();
  const reasons = [
    [portOf(garbage), /^Error: (?:Protocol error|Parse Error)/],
    [await closedPort(), /^Error: connect ECONNREFUSED/],
  ] as const;
  for (const [port, reason] of reasons) {
    const sender = openSender(settings(`127.0.0.1:${port}`));
    const failed = assert.rejects(sender.send([SPAN]), reason);
    // Otherwise it is sent again for ten seconds.
    sender.finish();
    await failed;
    sender.close();
  }
});

test('the connection to a collector that does not respond in time is closed, with the batch, and the next batch opens another', async (t) => {
  const closed: Promise<unknown>[] = [];
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    // Reads, and never extends the window of HTTP/2: a large message is not sent completely.
    socket.resume();
    closed.push(once(socket, 'close'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sender = new GrpcSender(settings(`127.0.0.1:${(server.address() as AddressInfo).port}`), 200);
  t.after(() => {
    sender.close();
    server.close();
  });
  const large = { ...SPAN, attributes: { text: 'x'.repeat(200_000) } };
  for (const connections of [1, 2]) {
    await assert.rejects(sender.send([large]), /^Error: Deadline Exceeded$/);
    // On a busy machine the server accepts the connection after the deadline.
    await until('the connection was accepted', () => closed.length === connections);
    await closed[connections - 1];
    assert.equal(closed.length, connections);
  }
});

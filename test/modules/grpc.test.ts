/** `grpc_pass`: real gRPC clients and servers, through HTTP/2 on both sides. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import grpc from '@grpc/grpc-js';
import { callOne, type EchoClient, type GrpcService, grpcClient, grpcService } from '../kit/grpc.js';
import { certificates, closedPort, startProxy, type TestProxy, until, withoutOpenssl } from '../kit/index.js';

const { status } = grpc;

/** Tests that hold for each kind of connection. */
function calls(scene: () => { readonly client: EchoClient; readonly service: GrpcService }): void {
  test('a unary call returns the response, with metadata in the head and in the trailers', async () => {
    const metadata = new grpc.Metadata();
    metadata.set('x-token', 'secret');
    metadata.set('x-data-bin', Buffer.from([0, 1, 254, 255]));
    const { error, response, metadata: head, trailer } = await callOne(scene().client, 'hello', { metadata }).result;
    assert.equal(error, null);
    assert.equal(response, 'hello');
    assert.deepEqual(head.get('x-token'), ['secret']);
    assert.deepEqual(head.get('x-data-bin'), [Buffer.from([0, 1, 254, 255])]);
    assert.deepEqual(trailer.get('x-trailer'), ['of hello']);
  });

  test('an error of the service arrives with its code, message and trailers', async () => {
    const { error, trailer } = await callOne(scene().client, 'fail 9').result;
    assert.equal(error?.code, status.FAILED_PRECONDITION);
    assert.equal(error?.details, 'as you wish');
    assert.deepEqual(trailer.get('x-trailer'), ['of fail 9']);
  });

  test('a stream of the server arrives whole and in order', async () => {
    const received: string[] = [];
    for await (const message of scene().client.many('400')) received.push(message as string);
    assert.deepEqual(
      received,
      Array.from({ length: 400 }, (_, i) => `message ${i}`),
    );
  });

  test('a stream of the client arrives whole, beyond the flow-control windows', async () => {
    const collected = new Promise<string | undefined>((resolve, reject) => {
      const stream = scene().client.collect((error, response) => (error === null ? resolve(response) : reject(error)));
      for (let i = 0; i < 40; i++) stream.write('x'.repeat(50_000));
      stream.end();
    });
    assert.equal(await collected, '40 2000000');
  });

  test('messages pass in both directions while both streams are open', async () => {
    const stream = scene().client.talk();
    for (const text of ['one', 'two', 'three']) {
      stream.write(text);
      const [answer] = await once(stream, 'data');
      assert.equal(answer, `re: ${text}`);
    }
    stream.end();
    const [end] = await once(stream, 'status');
    assert.equal(end.code, status.OK);
  });

  test('a deadline ends the call on both sides', async () => {
    const { client, service } = scene();
    const count = service.cancelled.length;
    // Long enough for the call to reach the server of a busy machine.
    const { error } = await callOne(client, 'wait', { options: { deadline: Date.now() + 1000 } }).result;
    assert.equal(error?.code, status.DEADLINE_EXCEEDED);
    await until('the call is cancelled', () => service.cancelled.length > count);
  });

  test('a call that the client cancels is cancelled at the server', async () => {
    const { client, service } = scene();
    const count = service.cancelled.length;
    const stream = client.many('-1');
    await once(stream, 'data');
    stream.on('error', () => {});
    stream.cancel();
    await until('the call is cancelled', () => service.cancelled.length > count);
    // The connection serves further calls.
    assert.equal((await callOne(client, 'after').result).response, 'after');
  });

  test('calls that run at the same time do not mix', async () => {
    const { client } = scene();
    const texts = Array.from({ length: 30 }, (_, i) => `${i} ${'y'.repeat(i * 500)}`);
    const results = await Promise.all(texts.map((text) => callOne(client, text).result));
    assert.deepEqual(
      results.map(({ response }) => response),
      texts,
    );
  });
}

const UPSTREAMS = [
  ['new connections', '', 'grpc_pass 127.0.0.1:%%PORT%%;'],
  ['kept connections', 'upstream u { server 127.0.0.1:%%PORT%%; keepalive 4; }', 'grpc_pass grpc://u;'],
  [
    'shared connections',
    'upstream u { server 127.0.0.1:%%PORT%%; keepalive 4; keepalive_streams 8 connections=2; }',
    'grpc_pass u;',
  ],
] as const;

for (const [name, upstream, pass] of UPSTREAMS) {
  describe(`gRPC over ${name} to the upstream`, () => {
    let service: GrpcService;
    let proxy: TestProxy;
    let client: ReturnType<typeof grpcClient>;
    before(async () => {
      service = await grpcService();
      const server = `server { listen 127.0.0.1:0; http2 on; client_max_body_size 0; location / { ${pass} } }`;
      proxy = await startProxy(`${upstream} ${server}`, { PORT: service.port });
      client = grpcClient(proxy.port);
    });
    after(async () => {
      client.close();
      await proxy.close();
      service.close();
    });
    calls(() => ({ client, service }));
  });
}

describe('gRPC over TLS on both sides', { skip: withoutOpenssl }, () => {
  let service: GrpcService;
  let proxy: TestProxy;
  let client: ReturnType<typeof grpcClient>;
  before(async () => {
    const authority = certificates();
    const [ca, key, cert] = ['ca.crt', 'ec.key', 'ec.crt'].map((file) => Buffer.from(authority.read(file))) as [
      Buffer,
      Buffer,
      Buffer,
    ];
    service = await grpcService(grpc.ServerCredentials.createSsl(null, [{ private_key: key, cert_chain: cert }]));
    proxy = await startProxy(
      `server {
        listen 127.0.0.1:0 ssl; http2 on; client_max_body_size 0; ssl_certificate %%C%%/ec.crt; ssl_certificate_key %%C%%/ec.key;
        location / {
          grpc_pass grpcs://127.0.0.1:%%PORT%%;
          grpc_ssl_name localhost; grpc_ssl_verify on; grpc_ssl_trusted_certificate %%C%%/ca.crt;
        }
      }`,
      { PORT: service.port, C: authority.directory },
    );
    client = grpcClient(proxy.port, grpc.credentials.createSsl(ca));
  });
  after(async () => {
    client.close();
    await proxy.close();
    service.close();
  });
  calls(() => ({ client, service }));
});

test('an upstream that cannot be reached is the status UNAVAILABLE for clients', async (t) => {
  const proxy = await startProxy(
    'server { listen 127.0.0.1:0; http2 on; location / { grpc_pass 127.0.0.1:%%PORT%%; } }',
    {
      PORT: await closedPort(),
    },
  );
  t.after(() => proxy.close());
  const client = grpcClient(proxy.port);
  t.after(() => client.close());
  const { error } = await callOne(client, 'hello').result;
  assert.equal(error?.code, status.UNAVAILABLE);
  assert.match(error?.details ?? '', /502/);
});

test('grpc_error_status turns errors of the proxy and of the upstream into errors of gRPC', async (t) => {
  const proxy = await startProxy(
    `server {
      listen 127.0.0.1:0; http2 on; grpc_error_status on;
      location / { return 403; }
      location /test.Echo/One { grpc_pass 127.0.0.1:%%PORT%%; }
    }`,
    { PORT: await closedPort() },
  );
  t.after(() => proxy.close());
  const client = grpcClient(proxy.port);
  t.after(() => client.close());
  const { error } = await callOne(client, 'hello').result;
  assert.equal(error?.code, status.UNAVAILABLE);
  assert.equal(error?.details, '502 Bad Gateway');
  const stream = client.many('1');
  const [refused] = (await once(stream, 'error')) as [grpc.ServiceError];
  assert.equal(refused.code, status.PERMISSION_DENIED);
  assert.equal(refused.details, '403 Forbidden');
});

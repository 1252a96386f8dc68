import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { text } from '../../src/config/argument-types.js';
import type { ResolverData } from '../../src/config/resolver-argument.js';
import { defineModule } from '../../src/program/module.js';
import { DONE } from '../../src/program/verdict.js';
import { HostNotFound, lookupHost, peerAddresses } from '../../src/upstream/host-lookup.js';
import { ResolveError, Resolver, rotated, ServiceError } from '../../src/upstream/resolver.js';
import { resolverZones } from '../../src/upstream/resolver-zone.js';
import { get, startProxy } from '../kit/index.js';
import { DnsServer, type Zone } from './dns-server.js';

function addressOf({ port }: DnsServer) {
  return { family: 'inet', host: '127.0.0.1', port, lastPort: port, portGiven: true, uri: '' } as const;
}

/** A resolver for servers, without IPv6 unless an option enables it. */
async function resolverOf(
  servers: readonly DnsServer[],
  options: Partial<ResolverData> = {},
  resend?: number,
): Promise<Resolver & { readonly lines: string[] }> {
  const data = { servers: servers.map(addressOf), valid: null, ipv4: true, ipv6: false, statusZone: null, ...options };
  const resolver = Object.assign(new Resolver(data, resend), { lines: [] as string[] });
  resolver.errorLog = { threshold: 4, write: (_level, line) => void resolver.lines.push(line) };
  await resolver.ready;
  return resolver;
}

async function serverOf(t: TestContext, names: Readonly<Record<string, Zone>> = {}): Promise<DnsServer> {
  const server = await DnsServer.start(names);
  t.after(() => server.close());
  return server;
}

function failure(name: string, code: number, text: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ResolveError);
    assert.equal(error.message, `${name} could not be resolved (${code}: ${text})`);
    return true;
  };
}

const TWO = { a: ['10.0.0.1', '10.0.0.2'], aaaa: ['2001:db8:0:0:0:0:0:1'] };

test('both families are asked for; IPv4 comes first, in the order of the response', async (t) => {
  const server = await serverOf(t, { 'a.test': TWO });
  const found = await (await resolverOf([server], { ipv6: true })).resolve('a.test', 5000);
  assert.deepEqual(found.addresses, ['10.0.0.1', '10.0.0.2', '2001:db8::1']);
  assert.deepEqual(server.asked, ['A a.test', 'AAAA a.test']);
});

test('a family that is switched off is not asked for', async (t) => {
  const server = await serverOf(t, { 'a.test': TWO });
  assert.deepEqual((await (await resolverOf([server])).resolve('a.test', 5000)).addresses, TWO.a);
  assert.deepEqual(server.asked, ['A a.test']);
  const only6 = await resolverOf([server], { ipv4: false, ipv6: true });
  assert.deepEqual((await only6.resolve('a.test', 5000)).addresses, ['2001:db8::1']);
});

test('an answer is kept as long as its TTL, whatever the case of the name, and with a final dot', async (t) => {
  const server = await serverOf(t, { 'a.test': { a: ['10.0.0.1'], ttl: 7 } });
  const names = await resolverOf([server]);
  const before = Date.now();
  const found = await names.resolve('a.test', 5000);
  assert.ok(found.expires >= before + 7000 && found.expires <= Date.now() + 7000);
  assert.deepEqual(await names.resolve('A.Test', 5000), found);
  assert.deepEqual(await names.resolve('a.test.', 5000), found);
  assert.equal(server.asked.length, 1);
});

test('valid= overrides the TTL', async (t) => {
  const server = await serverOf(t, { 'a.test': { a: ['10.0.0.1'], ttl: 7 } });
  const names = await resolverOf([server], { valid: 100_000 });
  assert.ok((await names.resolve('a.test', 5000)).expires > Date.now() + 90_000);
});

test('an answer that expired is asked for again', async (t) => {
  const server = await serverOf(t, { 'a.test': { a: ['10.0.0.1'], ttl: 0 } });
  const names = await resolverOf([server]);
  await names.resolve('a.test', 5000);
  server.names.set('a.test', { a: ['10.0.0.9'] });
  assert.deepEqual((await names.resolve('a.test', 5000)).addresses, ['10.0.0.9']);
});

test('an answer that is not used for 30 seconds is forgotten', async (t) => {
  const server = await serverOf(t, { 'a.test': { a: ['10.0.0.1'] }, 'b.test': { a: ['10.0.0.2'] } });
  const names = await resolverOf([server]);
  await names.resolve('a.test', 5000);
  const { now } = Date;
  t.mock.method(Date, 'now', () => now() + 31_000);
  await names.resolve('b.test', 5000);
  await names.resolve('a.test', 5000);
  assert.deepEqual(server.asked, ['A a.test', 'A b.test', 'A a.test']);
});

test('requests that come together share one question', async (t) => {
  const server = await serverOf(t, { 'a.test': { a: ['10.0.0.1'] } });
  const names = await resolverOf([server]);
  await Promise.all([1, 2, 3].map(() => names.resolve('a.test', 5000)));
  assert.equal(server.asked.length, 1);
});

test('errors are reported in the words of nginx, and are not cached', async (t) => {
  const server = await serverOf(t, { 'bad.test': { code: 2 }, 'no.test': { code: 5 }, 'empty.test': {} });
  const names = await resolverOf([server], { ipv6: true });
  await assert.rejects(names.resolve('none.test', 5000), failure('none.test', 3, 'Host not found'));
  await assert.rejects(names.resolve('empty.test', 5000), failure('empty.test', 3, 'Host not found'));
  await assert.rejects(names.resolve('bad.test', 5000), failure('bad.test', 2, 'Server failure'));
  await assert.rejects(names.resolve('no.test', 5000), failure('no.test', 5, 'Operation refused'));
  server.names.set('bad.test', { code: 4 });
  await assert.rejects(names.resolve('bad.test', 5000), failure('bad.test', 4, 'Unimplemented'));
});

test('a name that cannot be a domain name is not asked for', async (t) => {
  const server = await serverOf(t);
  const names = await resolverOf([server]);
  for (const name of ['a..b', '.a', '', `${'a'.repeat(64)}.test`, 'abcdefgh.'.repeat(30)]) {
    await assert.rejects(names.resolve(name, 5000), { code: 3 });
  }
  assert.deepEqual(server.asked, []);
});

test('a response that does not come in time is a timeout', async (t) => {
  const server = await serverOf(t);
  server.silent = true;
  const names = await resolverOf([server]);
  await assert.rejects(names.resolve('a.test', 20), failure('a.test', 110, 'Operation timed out'));
  names.cancel();
});

test('an error for one family fails the name, an empty answer does not', async (t) => {
  const six = { aaaa: ['2001:db8:0:0:0:0:0:6'] };
  const server = await serverOf(t, { 'six.test': six, 'bad.test': { ...six, codes: { A: 2 } } });
  const names = await resolverOf([server], { ipv6: true });
  assert.deepEqual((await names.resolve('six.test', 5000)).addresses, ['2001:db8::6']);
  await assert.rejects(names.resolve('bad.test', 5000), failure('bad.test', 2, 'Server failure'));
  server.names.set('bad.test', { a: ['10.0.0.1'], codes: { AAAA: 3 } });
  await assert.rejects(names.resolve('bad.test', 5000), failure('bad.test', 3, 'Host not found'));
});

test('an alias without an address is followed, up to 50 times, also from the cache', async (t) => {
  const server = await serverOf(t, { 'end.test': { a: ['10.0.0.1'] }, 'loop.test': { cname: 'loop.test', ttl: 0 } });
  for (let i = 1; i <= 51; i++) server.names.set(`c${i}.test`, { cname: i === 1 ? 'end.test' : `c${i - 1}.test` });
  const names = await resolverOf([server]);
  assert.deepEqual((await names.resolve('c50.test', 5000)).addresses, ['10.0.0.1']);
  assert.equal(server.asked.length, 51);
  assert.deepEqual((await names.resolve('c49.test', 5000)).addresses, ['10.0.0.1']);
  assert.equal(server.asked.length, 51);
  await assert.rejects(names.resolve('c51.test', 5000), failure('c51.test', 3, 'Host not found'));
  await assert.rejects(names.resolve('loop.test', 5000), failure('loop.test', 3, 'Host not found'));
});

test('requests that wait for an alias share its lookup', async (t) => {
  const server = await serverOf(t, { 'a.test': { cname: 'b.test' }, 'b.test': { a: ['10.0.0.1'] } });
  const names = await resolverOf([server]);
  const found = await Promise.all(['a.test', 'b.test', 'a.test'].map((name) => names.resolve(name, 5000)));
  assert.deepEqual(
    found.flatMap(({ addresses }) => addresses),
    ['10.0.0.1', '10.0.0.1', '10.0.0.1'],
  );
  assert.deepEqual(server.asked.sort(), ['A a.test', 'A b.test']);
});

test('a DNAME is followed, with and without the CNAME that it implies', async (t) => {
  const server = await serverOf(t, {
    'a.old.test': { dname: ['old.test', 'new.test'] },
    'b.old.test': { dname: ['old.test', 'other.test'], cname: 'b.new.test' },
    'c.old.test': { dname: ['ld.test', 'new.test'] },
    'a.new.test': { a: ['10.0.0.1'] },
    'b.new.test': { a: ['10.0.0.2'] },
  });
  const names = await resolverOf([server]);
  assert.deepEqual((await names.resolve('a.old.test', 5000)).addresses, ['10.0.0.1']);
  assert.deepEqual((await names.resolve('b.old.test', 5000)).addresses, ['10.0.0.2']);
  await assert.rejects(names.resolve('c.old.test', 5000), { code: 3 });
});

test('name servers take turns; the error of one is the answer, and the next request asks the other', async (t) => {
  const servers = [await serverOf(t, { 'a.test': { code: 2 } }), await serverOf(t, { 'a.test': { a: ['10.0.0.1'] } })];
  const names = await resolverOf(servers);
  await assert.rejects(names.resolve('a.test', 5000), { code: 2 });
  assert.deepEqual((await names.resolve('a.test', 5000)).addresses, ['10.0.0.1']);
  await assert.rejects(names.resolve('b.test', 5000), { code: 3 });
  assert.deepEqual(
    servers.map(({ asked }) => asked),
    [['A a.test', 'A b.test'], ['A a.test']],
  );
});

test('another name server is asked if one is silent', async (t) => {
  const [silent, other] = [await serverOf(t), await serverOf(t, { 'a.test': TWO })];
  silent.silent = true;
  const names = await resolverOf([silent, other], { ipv6: true }, 50);
  assert.equal((await names.resolve('a.test', 5000)).addresses.length, 3);
  assert.deepEqual(silent.asked, ['A a.test', 'AAAA a.test']);
});

test('another name server is asked at once if nothing listens on the port of one', async (t) => {
  const gone = await DnsServer.start();
  await gone.close();
  const other = await serverOf(t, { 'a.test': { a: ['10.0.0.1'] } });
  const names = await resolverOf([gone, other], {}, 60_000);
  assert.deepEqual((await names.resolve('a.test', 5000)).addresses, ['10.0.0.1']);
});

test('only questions without an answer are asked again', async (t) => {
  const servers = [await serverOf(t, { 'a.test': TWO }), await serverOf(t, { 'a.test': TWO })];
  for (const server of servers) server.ignores = (type) => server === servers[0] && type === 'AAAA';
  const names = await resolverOf(servers, { ipv6: true }, 50);
  assert.equal((await names.resolve('a.test', 5000)).addresses.length, 3);
  assert.deepEqual(servers[1]?.asked, ['AAAA a.test']);
});

test('1,000 names at once are resolved although one of two servers is silent', async (t) => {
  const [silent, other] = [await serverOf(t), await serverOf(t)];
  silent.silent = true;
  const all = Array.from({ length: 1000 }, (_, i) => `n${i}.test`);
  for (const name of all) other.names.set(name, { a: ['10.0.0.1'], aaaa: ['2001:db8:0:0:0:0:0:1'] });
  const names = await resolverOf([silent, other], { ipv6: true }, 300);
  const found = await Promise.all(all.map((name) => names.resolve(name, 20_000)));
  assert.ok(found.every(({ addresses }) => addresses.length === 2));
  assert.ok(silent.asked.length > 0);
});

test('a truncated response is asked for over TCP', async (t) => {
  const many = Array.from({ length: 300 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
  const server = await serverOf(t, { 'big.test': { a: many, truncate: true }, 'a.test': { a: ['10.0.0.1'] } });
  const names = await resolverOf([server], {}, 60_000);
  assert.deepEqual((await names.resolve('big.test', 5000)).addresses, many);
  assert.deepEqual(server.asked, ['A big.test', 'TCP A big.test']);
  assert.deepEqual((await names.resolve('a.test', 5000)).addresses, ['10.0.0.1']);
});

test('statistics count lookups, responses by code, and requests that timed out', async (t) => {
  const server = await serverOf(t, {
    'a.test': { a: ['10.0.0.1'], aaaa: ['2001:db8:0:0:0:0:0:1'] },
    'failing.test': { code: 2 },
    'format.test': { code: 1 },
    'odd.test': { code: 9 },
    'refused.test': { code: 5 },
    'unknown.test': { code: 4 },
    '_http._tcp.s.test': { srv: [{ priority: 1, weight: 1, port: 80, target: 'a.test' }] },
  });
  const names = await resolverOf([server], { ipv6: true }, 60_000);
  const counts = new Map<string, number>();
  names.statistics = { count: (event) => void counts.set(event, (counts.get(event) ?? 0) + 1) };
  await names.resolveService('http', 's.test', 5000);
  // From the cache.
  await names.resolve('a.test', 5000);
  for (const name of ['none', 'failing', 'refused', 'unknown'])
    await assert.rejects(names.resolve(`${name}.test`, 5000));
  // These errors are ignored, as in nginx.
  for (const name of ['format', 'odd']) await assert.rejects(names.resolve(`${name}.test`, 300));
  server.silent = true;
  await Promise.all([1, 2].map(() => assert.rejects(names.resolve('silent.test', 20))));
  names.cancel();
  assert.deepEqual(Object.fromEntries(counts), {
    srv: 1,
    name: 8,
    noerror: 3,
    nxdomain: 2,
    servfail: 2,
    refused: 2,
    notimp: 2,
    formerr: 2,
    unknown: 2,
    timedout: 4,
  });
});

/** `show_zone NAME`: responds with the statistics of a zone. */
const showZone = defineModule({
  name: 'show_zone',
  doc: 'Shows statistics.',
  directives: {
    show_zone: { contexts: ['location'], takes: text, doc: 'Shows the statistics of a zone.', example: 'show_zone d;' },
  },
  phases: {
    content: {
      order: 0,
      compile: ({ show_zone: name }, { compiler: { shared } }) =>
        name === undefined
          ? null
          : async (x) => {
              x.respond(200, JSON.stringify(await resolverZones(shared).get(name)?.read()));
              return DONE;
            },
    },
  },
});

test('the statistics of a zone are those of all resolvers that name it, also after a reload', async (t) => {
  const server = await serverOf(t, { 'a.test': { a: ['127.0.0.1'] } });
  const configuration = `server { listen 127.0.0.1:0;
    location /a { resolver 127.0.0.1:${server.port} ipv6=off status_zone=d; proxy_pass http://a.test:1$is_args; }
    location /b { resolver 127.0.0.1:${server.port} ipv6=off valid=9s status_zone=d; proxy_pass http://b.test:1$is_args; }
    location /c { resolver 127.0.0.1:${server.port} ipv6=off; proxy_pass http://c.test:1$is_args; }
    location /zone { show_zone d; } }`;
  const proxy = await startProxy(configuration, {}, { modules: [showZone] });
  t.after(() => proxy.close());
  const read = async () => {
    const { name, noerror, nxdomain } = JSON.parse((await get(proxy.port, '/zone')).body);
    return [name, noerror, nxdomain];
  };
  for (const path of ['/a', '/b', '/c']) assert.equal((await get(proxy.port, path)).status, 502);
  assert.deepEqual(await read(), [2, 1, 1]);
  await (await proxy.reload(configuration)).predecessorEnded;
  assert.equal((await get(proxy.port, '/b')).status, 502);
  assert.deepEqual(await read(), [3, 1, 2]);
});

test('a TCP connection that is closed is no answer: the next server is asked', async (t) => {
  const zone = { a: ['10.0.0.1'], truncate: true };
  const [bad, good] = [await serverOf(t, { 'a.test': zone }), await serverOf(t, { 'a.test': zone })];
  bad.resetsTcp = true;
  const names = await resolverOf([bad, good], {}, 60_000);
  assert.deepEqual((await names.resolve('a.test', 5000)).addresses, ['10.0.0.1']);
});

test('forged responses are ignored and logged', async (t) => {
  const server = await serverOf(t, { 'a.test': { a: ['10.0.0.1'] } });
  const names = await resolverOf([server]);
  server.before = (response, send) => {
    const id = response.readUInt16BE(0);
    const wrongId = Buffer.from(response);
    wrongId.writeUInt16BE(id ^ 1, 0);
    wrongId[wrongId.length - 1] = 66;
    const wrongName = Buffer.from(response);
    wrongName.write('b', 13);
    const query = Buffer.from(response);
    query.writeUInt16BE(0x0100, 2);
    for (const message of [wrongId, wrongName, query, response.subarray(0, 11), response.subarray(0, 20)]) {
      send(message);
    }
    server.before = null;
  };
  assert.deepEqual((await names.resolve('a.test', 5000)).addresses, ['10.0.0.1']);
  const lines = names.lines.map((line) => line.replace(/\d{2,}|\b\d\b(?= in| fl)/g, 'N'));
  assert.equal(lines.length, 5);
  assert.match(lines[0] ?? '', /^wrong ident N in DNS response for a.test, expect /);
  assert.equal(lines[1], 'unexpected DNS response for b.test');
  assert.match(lines[2] ?? '', /^invalid UDP DNS response /);
  assert.deepEqual(lines.slice(3), ['short DNS response', 'short DNS response']);
});

test('a response from another address is ignored', async (t) => {
  const server = await serverOf(t, { 'a.test': { a: ['10.0.0.1'] } });
  const forger = await serverOf(t);
  const names = await resolverOf([server]);
  server.silent = true;
  const first = once(server.events, 'question');
  const waiting = names.resolve('a.test', 5000);
  const [response, from] = await first;
  response[response.length - 1] = 66;
  await forger.send(response, from);
  response[response.length - 1] = 1;
  await server.send(response, from);
  assert.deepEqual((await waiting).addresses, ['10.0.0.1']);
});

test('each question has a port and an id of its own', async (t) => {
  const server = await serverOf(t);
  const names = await resolverOf([server]);
  const seen: { id: number; port: number }[] = [];
  server.events.on('question', (response: Buffer, { port }) => seen.push({ id: response.readUInt16BE(0), port }));
  for (let i = 0; i < 20; i++) await assert.rejects(names.resolve(`n${i}.test`, 5000));
  assert.ok(new Set(seen.map(({ id }) => id)).size > 15);
  assert.ok(new Set(seen.map(({ port }) => port)).size > 10);
});

test('a request that is aborted stops waiting', async (t) => {
  const server = await serverOf(t);
  server.silent = true;
  const names = await resolverOf([server]);
  const controller = new AbortController();
  const waiting = names.resolve('a.test', 60_000, controller.signal);
  controller.abort(new Error('client left'));
  await assert.rejects(waiting, /client left/);
  names.cancel();
});

test('a request whose client has left logs no timeout', async (t) => {
  const server = await serverOf(t);
  server.silent = true;
  const proxy = await startProxy(`
    resolver 127.0.0.1:${server.port} ipv6=off;
    resolver_timeout 2s;
    server {
      listen 127.0.0.1:0;
      location / { set $name a.test; proxy_pass http://$name; }
      location /wait { set $name b.test; proxy_pass http://$name; }
    }`);
  t.after(() => proxy.close());
  const question = once(server.events, 'question');
  const controller = new AbortController();
  const gone = fetch(`http://127.0.0.1:${proxy.port}/`, { signal: controller.signal }).catch(() => null);
  await question;
  controller.abort();
  await gone;
  assert.equal((await get(proxy.port, '/wait')).status, 502);
  const log = proxy.messages('error').join('\n');
  assert.match(log, /b\.test could not be resolved \(110: Operation timed out\)/);
  assert.doesNotMatch(log, /a\.test could not be resolved/);
});

test('a service has targets with ports, weights and priorities, and their addresses', async (t) => {
  const srv = [
    { priority: 2, weight: 0, port: 8081, target: 'two.test' },
    { priority: 1, weight: 5, port: 8080, target: 'one.test' },
  ];
  const server = await serverOf(t, {
    '_http._tcp.a.test': { srv },
    '_x._udp.a.test': { srv: srv.slice(1) },
    '_http._tcp.alias.test': { cname: '_http._tcp.a.test' },
    'one.test': { cname: 'real.test' },
    'real.test': { a: ['10.0.0.1'], ttl: 5 },
    'two.test': { code: 2 },
  });
  const names = await resolverOf([server]);
  const { targets, expires } = await names.resolveService('http', 'a.test', 5000);
  assert.deepEqual(
    targets.map(({ error, ...rest }) => ({ ...rest, error: error?.message ?? null })),
    [
      { ...srv[1], addresses: ['10.0.0.1'], error: null },
      { ...srv[0], addresses: [], error: 'two.test could not be resolved (2: Server failure)' },
    ],
  );
  assert.ok(expires <= Date.now() + 5000);
  assert.equal((await names.resolveService('http', 'alias.test', 5000)).targets.length, 2);
  assert.equal((await names.resolveService('_x._udp', 'a.test', 5000)).targets.length, 1);
  await assert.rejects(names.resolveService('ftp', 'a.test', 5000), failure('a.test', 3, 'Host not found'));
});

test('a service whose targets have no address fails with the error of a target, preferably "not found"', async (t) => {
  const srv = ['one.test', 'two.test'].map((target) => ({ priority: 1, weight: 1, port: 80, target }));
  const server = await serverOf(t, { '_http._tcp.a.test': { srv }, 'one.test': { code: 2 }, 'two.test': { code: 5 } });
  const names = await resolverOf([server]);
  await assert.rejects(names.resolveService('http', 'a.test', 5000), (error) => {
    assert.ok(error instanceof ServiceError);
    return error.code === 2 && error.targets.length === 2;
  });
  server.names.delete('two.test');
  await assert.rejects(names.resolveService('http', 'a.test', 5000), { code: 3 });
});

test('only answers from the cache are rotated, each family being kept together', async (t) => {
  const resolved = { ipv4: ['1', '2', '3'], ipv6: ['a', 'b'] };
  const draws = [0.4, 0.9, 0, 0.5, 0, 0];
  const server = await serverOf(t, { 'a.test': TWO });
  const names = await resolverOf([server]);
  t.mock.method(Math, 'random', () => draws.shift() ?? 0);
  assert.deepEqual(rotated(resolved), ['2', '3', '1', 'b', 'a']);
  assert.deepEqual((await names.resolve('a.test', 5000)).addresses, ['10.0.0.1', '10.0.0.2']);
  assert.deepEqual((await names.resolve('a.test', 5000)).addresses, ['10.0.0.2', '10.0.0.1']);
  assert.deepEqual(rotated({ ipv4: [], ipv6: [] }), []);
});

test('names in a configuration are looked up by the system', async () => {
  assert.ok((await lookupHost('localhost')).some((address) => address === '127.0.0.1' || address === '::1'));
  await assert.rejects(lookupHost('no such host'), HostNotFound);
  assert.deepEqual(await peerAddresses({ family: 'unix', path: '/run/x', uri: '' }), [{ path: '/run/x' }]);
});

test('a name server may have an IPv6 address', async (t) => {
  const socket = createSocket('udp6');
  const bound = await new Promise((resolve) => {
    socket.once('error', () => resolve(false));
    socket.bind(0, '::1', () => resolve(true));
  });
  if (!bound) return t.skip('there is no IPv6 here');
  t.after(() => socket.close());
  // The question comes back with the code "refused".
  socket.on('message', (query, { port, address }) => {
    query.writeUInt16BE(0x8185, 2);
    socket.send(query, port, address);
  });
  const { port } = socket.address();
  const address = { family: 'inet6', host: '::1', port, lastPort: port, portGiven: true, uri: '' } as const;
  const names = new Resolver({ servers: [address], valid: null, ipv4: true, ipv6: false, statusZone: null });
  await names.ready;
  await assert.rejects(names.resolve('a.test', 5000), { code: 5 });
});

test('localhost is asked for like any other name', async (t) => {
  const server = await serverOf(t, { localhost: { a: ['10.0.0.7'] } });
  const names = await resolverOf([server]);
  assert.deepEqual((await names.resolve('localhost', 5000)).addresses, ['10.0.0.7']);
});

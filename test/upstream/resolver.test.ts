import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResolverData } from '../../src/config/resolver-argument.js';
import { HostNotFound, lookupHost, peerAddresses } from '../../src/upstream/host-lookup.js';
import { ResolveError, Resolver, rotated } from '../../src/upstream/resolver.js';
import { DnsServer } from './dns-server.js';

async function resolver(server: DnsServer, options: Partial<ResolverData> = {}): Promise<Resolver> {
  const address = {
    family: 'inet',
    host: '127.0.0.1',
    port: server.port,
    lastPort: server.port,
    portGiven: true,
    uri: '',
  } as const;
  const made = new Resolver({ servers: [address], valid: null, ipv4: true, ipv6: true, ...options });
  await made.ready;
  return made;
}

function failure(name: string, code: number, text: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ResolveError);
    assert.equal(error.message, `${name} could not be resolved (${code}: ${text})`);
    return true;
  };
}

test('both families are asked for', async () => {
  const server = await DnsServer.start({ 'a.test': { a: ['10.0.0.1', '10.0.0.2'], aaaa: ['2001:db8:0:0:0:0:0:1'] } });
  const found = await (await resolver(server)).resolve('a.test', 5000);
  assert.deepEqual([...found.ipv4].sort(), ['10.0.0.1', '10.0.0.2']);
  assert.deepEqual(found.ipv6, ['2001:db8::1']);
  assert.deepEqual(server.asked.sort(), ['A a.test', 'AAAA a.test']);
  await server.close();
});

test('a family that is switched off is not asked for', async () => {
  const server = await DnsServer.start({ 'a.test': { a: ['10.0.0.1'], aaaa: ['2001:db8:0:0:0:0:0:1'] } });
  const found = await (await resolver(server, { ipv6: false })).resolve('a.test', 5000);
  assert.deepEqual(found.ipv6, []);
  assert.deepEqual(server.asked, ['A a.test']);
  await server.close();
});

test('an answer is kept as long as it says, whatever the case of the name', async () => {
  const server = await DnsServer.start({ 'a.test': { a: ['10.0.0.1'], ttl: 7 } });
  const names = await resolver(server, { ipv6: false });
  const before = Date.now();
  const found = await names.resolve('a.test', 5000);
  assert.ok(found.expires >= before + 7000 && found.expires <= Date.now() + 7000);
  assert.equal(await names.resolve('A.Test', 5000), found);
  assert.equal(names.known('A.TEST'), found);
  assert.equal(server.asked.length, 1);
  await server.close();
});

test('valid= goes before what the answer says', async () => {
  const server = await DnsServer.start({ 'a.test': { a: ['10.0.0.1'], ttl: 7 } });
  const names = await resolver(server, { ipv6: false, valid: 100_000 });
  assert.ok((await names.resolve('a.test', 5000)).expires > Date.now() + 90_000);
  await server.close();
});

test('an answer that expired is asked for again', async () => {
  const server = await DnsServer.start({ 'a.test': { a: ['10.0.0.1'], ttl: 0 } });
  const names = await resolver(server, { ipv6: false });
  await names.resolve('a.test', 5000);
  server.names.set('a.test', { a: ['10.0.0.9'] });
  assert.deepEqual((await names.resolve('a.test', 5000)).ipv4, ['10.0.0.9']);
  await server.close();
});

test('requests that come together share one question', async () => {
  const server = await DnsServer.start({ 'a.test': { a: ['10.0.0.1'] } });
  const names = await resolver(server, { ipv6: false });
  await Promise.all([1, 2, 3].map(() => names.resolve('a.test', 5000)));
  assert.equal(server.asked.length, 1);
  await server.close();
});

test('failures are told in the words of nginx', async () => {
  const server = await DnsServer.start({ 'bad.test': { code: 2 }, 'refused.test': { code: 5 }, 'empty.test': {} });
  const names = await resolver(server);
  await assert.rejects(names.resolve('none.test', 5000), failure('none.test', 3, 'Host not found'));
  await assert.rejects(names.resolve('empty.test', 5000), failure('empty.test', 3, 'Host not found'));
  await assert.rejects(names.resolve('bad.test', 5000), failure('bad.test', 2, 'Server failure'));
  await assert.rejects(names.resolve('refused.test', 5000), failure('refused.test', 5, 'Operation refused'));
  await server.close();
});

test('an answer that does not come in time is a timeout', async () => {
  const server = await DnsServer.start();
  server.silent = true;
  const names = await resolver(server);
  await assert.rejects(names.resolve('a.test', 20), failure('a.test', 110, 'Operation timed out'));
  names.cancel();
  await server.close();
});

test('one family is enough', async () => {
  const server = await DnsServer.start({ 'six.test': { aaaa: ['2001:db8:0:0:0:0:0:6'] } });
  const found = await (await resolver(server)).resolve('six.test', 5000);
  assert.deepEqual([found.ipv4, found.ipv6], [[], ['2001:db8::6']]);
  await server.close();
});

test('a service has targets with ports, weights and priorities', async () => {
  const srv = [
    { priority: 1, weight: 5, port: 8080, target: 'one.test' },
    { priority: 2, weight: 0, port: 8081, target: 'two.test' },
  ];
  const server = await DnsServer.start({ '_http._tcp.a.test': { srv }, '_x._udp.a.test': { srv: srv.slice(1) } });
  const names = await resolver(server);
  const found = await names.resolveService('http', 'a.test', 5000);
  assert.deepEqual(
    found.map(({ target, ...rest }) => ({ ...rest, target })).sort((a, b) => a.priority - b.priority),
    srv,
  );
  assert.equal((await names.resolveService('_x._udp', 'a.test', 5000)).length, 1);
  await assert.rejects(names.resolveService('ftp', 'a.test', 5000), ResolveError);
  await server.close();
});

test('the order of addresses begins anywhere, each family being kept together', (t) => {
  const resolved = { ipv4: ['1', '2', '3'], ipv6: ['a', 'b'], expires: 0 };
  const draws = [0.4, 0.9, 0];
  t.mock.method(Math, 'random', () => draws.shift() ?? 0);
  assert.deepEqual(rotated(resolved), ['2', '3', '1', 'b', 'a']);
  assert.deepEqual(rotated({ ipv4: [], ipv6: [], expires: 0 }), []);
});

test('names in a configuration are looked up by the system', async () => {
  assert.ok((await lookupHost('localhost')).some((address) => address === '127.0.0.1' || address === '::1'));
  await assert.rejects(lookupHost('no such host'), HostNotFound);
  assert.deepEqual(await peerAddresses({ family: 'unix', path: '/run/x', uri: '' }), [{ path: '/run/x' }]);
});

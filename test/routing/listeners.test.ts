import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress } from '../../src/config/address.js';
import { type ListenAddress, Listeners, listenAddresses, listenKey } from '../../src/routing/listeners.js';

function listen(text: string, resolved: string[] = []): ListenAddress[] {
  const address = parseAddress(text, { defaultPort: 80, listen: true });
  if ('mistake' in address) throw new Error(address.mistake);
  return listenAddresses(address, resolved);
}

function keys(text: string, resolved: string[] = []): string[] {
  return listen(text, resolved).map(listenKey);
}

const PLAIN = { defaultServer: false, set: false };
const SET = { defaultServer: false, set: true };
const DEFAULT = { defaultServer: true, set: false };

function enter(table: Listeners<string>, server: string, text: string, options = PLAIN): (string | null)[] {
  return listen(text).map((address) => table.add(server, address, options));
}

test('each way to write an address has one key', () => {
  assert.deepEqual(keys('80'), ['0.0.0.0:80']);
  assert.deepEqual(keys('*:80'), ['0.0.0.0:80']);
  assert.deepEqual(keys('*'), ['0.0.0.0:80']);
  assert.deepEqual(keys('127.0.0.1'), ['127.0.0.1:80']);
  assert.deepEqual(keys('127.0.0.1:8080'), ['127.0.0.1:8080']);
  assert.deepEqual(keys('[::1]:80'), ['[::1]:80']);
  assert.deepEqual(keys('[0:0::0:1]'), ['[::1]:80']);
  assert.deepEqual(keys('[::]:443'), ['[::]:443']);
  assert.deepEqual(keys('unix:/run/a.sock'), ['unix:/run/a.sock']);
  assert.deepEqual(keys('127.0.0.1:8000-8002'), ['127.0.0.1:8000', '127.0.0.1:8001', '127.0.0.1:8002']);
  assert.deepEqual(keys('8000-8001'), ['0.0.0.0:8000', '0.0.0.0:8001']);
  assert.deepEqual(keys('localhost:81', ['127.0.0.1', '::1', '127.0.0.1']), ['127.0.0.1:81', '[::1]:81']);
});

test('an address without a wildcard has its own socket', () => {
  const table = new Listeners<string>();
  enter(table, 'a', '127.0.0.1:80');
  enter(table, 'b', '127.0.0.2:80');
  assert.deepEqual(
    table.sockets().map((socket) => socket.key),
    ['127.0.0.1:80', '127.0.0.2:80'],
  );
});

test('a wildcard takes the connections of the addresses on its port, each goes to its own servers', () => {
  const table = new Listeners<string>();
  enter(table, 'a', '127.0.0.1:80');
  enter(table, 'b', '*:80');
  enter(table, 'c', '127.0.0.1:81');
  enter(table, 'd', '[::1]:80');
  const sockets = table.sockets();
  assert.deepEqual(
    sockets.map((socket) => socket.key),
    ['0.0.0.0:80', '127.0.0.1:81', '[::1]:80'],
  );
  assert.equal(sockets[0]?.serving('127.0.0.1').defaultServer, 'a');
  assert.equal(sockets[0]?.serving('127.0.0.2').defaultServer, 'b');
  assert.equal(sockets[0]?.serving(undefined).defaultServer, 'b');
});

test('an address with socket options keeps its own socket beside a wildcard', () => {
  const table = new Listeners<string>();
  enter(table, 'a', '127.0.0.1:80', SET);
  enter(table, 'b', '80');
  const sockets = table.sockets();
  assert.deepEqual(sockets.map((socket) => socket.key).sort(), ['0.0.0.0:80', '127.0.0.1:80']);
  assert.equal(sockets.find((socket) => socket.key === '0.0.0.0:80')?.serving('127.0.0.1').defaultServer, 'b');
});

test('the first server is the default, unless one is named', () => {
  const table = new Listeners<string>();
  assert.deepEqual(enter(table, 'a', '80'), [null]);
  assert.deepEqual(enter(table, 'b', '*:80', DEFAULT), [null]);
  assert.equal(table.all()[0]?.defaultServer, 'b');
  assert.deepEqual(table.all()[0]?.servers, ['a', 'b']);
});

test('what nginx refuses is refused in its words', () => {
  const table = new Listeners<string>();
  enter(table, 'a', '80', DEFAULT);
  assert.deepEqual(enter(table, 'a', '*:80'), ['a duplicate listen 0.0.0.0:80']);
  assert.deepEqual(enter(table, 'b', '80', DEFAULT), ['a duplicate default server for 0.0.0.0:80']);
  assert.deepEqual(enter(table, 'c', '80', SET), [null]);
  assert.deepEqual(enter(table, 'd', '80', SET), ['duplicate listen options for 0.0.0.0:80']);
});

test('very many servers share an address', () => {
  const table = new Listeners<number>();
  const [address] = listen('80');
  assert.ok(address !== undefined);
  const start = performance.now();
  for (let i = 0; i < 200_000; i++) assert.equal(table.add(i, address, PLAIN), null);
  // Where each is compared with all before it, a minute.
  assert.ok(performance.now() - start < 10_000);
  assert.equal(table.add(77, address, PLAIN), 'a duplicate listen 0.0.0.0:80');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Headers, receivedHeaders } from '../../../src/scripting/njs/headers.js';
import { Request } from '../../../src/scripting/njs/request.js';
import { Response } from '../../../src/scripting/njs/response.js';

test('values of one name are joined, and getAll returns each', () => {
  const headers = new Headers([
    ['A', 'x'],
    ['a', 'z'],
  ]);
  assert.equal(headers.get('a'), 'x, z');
  assert.deepEqual(headers.getAll('A'), ['x', 'z']);
  assert.equal(headers.get('b'), null);
  assert.deepEqual(headers.getAll('b'), []);
});

test('fields are properties, and are enumerated in the order of their names as written', () => {
  const headers = new Headers({ 'X-b': '1', F_O_O: '2', a: '3' });
  headers.append('x-B', '4');
  assert.equal((headers as unknown as Record<string, string>)['x-b'], '1, 4');
  assert.deepEqual(Object.keys(headers), ['F_O_O', 'X-b', 'a']);
  assert.equal('f_o_o' in headers, true);
  const seen: string[] = [];
  headers.forEach((name, value) => {
    seen.push(`${name}:${value}`);
  });
  assert.deepEqual(seen, ['F_O_O:2', 'X-b:1, 4', 'a:3']);
});

test('other properties may be set, but not those of fields', () => {
  const headers = new Headers({ a: '1' }) as Headers & Record<string, unknown>;
  headers.owner = headers;
  assert.equal(headers.owner, headers);
  assert.deepEqual(Object.keys(headers), ['a', 'owner']);
  assert.throws(() => {
    headers.A = '2';
  }, TypeError);
  assert.equal(headers.get('a'), '1');
});

test('set keeps the case of the first name and removes other values', () => {
  const headers = new Headers({ A: '1', a: '2' });
  headers.set('a', ' \t#\t ');
  assert.deepEqual(Object.entries(headers), [['A', '#']]);
  headers.delete('a');
  assert.equal(headers.has('A'), false);
});

test('a name or value that could end a field line is refused', () => {
  const headers = new Headers();
  for (const name of ['', ' a', 'a b', 'a:b', 'a\r\nb', 'é', '\0']) {
    assert.throws(() => headers.append(name, 'x'), { name: 'TypeError', message: 'invalid header name' });
    assert.throws(() => headers.set(name, 'x'), { message: 'invalid header name' });
    assert.throws(() => headers.delete(name), { message: 'invalid header name' });
  }
  for (const value of ['a\r\nb', '\n', 'a\0', '\x7f']) {
    assert.throws(() => headers.set('a', value), { name: 'TypeError', message: 'invalid header value' });
    assert.throws(() => new Headers({ a: value }), { message: 'invalid header value' });
  }
  headers.set('a', 'a\tb\x80');
  assert.equal(headers.get('a'), 'a\tb\x80');
});

test('headers of a received response cannot be changed', () => {
  const headers = receivedHeaders([['A', 'b']]);
  for (const change of [() => headers.append('c', 'd'), () => headers.set('a', 'c'), () => headers.delete('a')]) {
    assert.throws(change, { name: 'TypeError', message: 'cannot modify immutable object' });
  }
  assert.equal(headers.get('a'), 'b');
});

test('methods of Headers refuse another receiver', () => {
  assert.throws(() => Headers.prototype.append.call({} as Headers, 'a', 'b'), {
    name: 'TypeError',
    message: '"this" is not fetch headers object',
  });
});

test('methods of requests are normalized, and dangerous ones refused', () => {
  const methodOf = (method: string) => new Request('http://a', { method }).method;
  assert.equal(methodOf('hEad'), 'HEAD');
  assert.equal(methodOf('propfind'), 'propfind');
  assert.throws(() => methodOf('trace'), { name: 'TypeError', message: 'forbidden method: TRACE' });
  for (const method of ['', 'GET ', 'GE\r\nT', 'GE\x7fT']) {
    assert.throws(() => methodOf(method), { name: 'TypeError', message: 'invalid Request method' });
  }
});

test('a request has the properties of its options, or of another request', async () => {
  const first = new Request('\0 http://a/b\n', { method: 'POST', body: 'ABC', headers: { a: 'X' }, mode: 'cors' });
  assert.equal(first.url, 'http://a/b');
  assert.equal(first.headers.get('content-type'), 'text/plain;charset=UTF-8');
  const second = new Request(first);
  second.headers.append('a', 'Z');
  assert.equal(first.headers.get('a'), 'X');
  assert.equal(second.mode, 'cors');
  assert.equal(second.credentials, 'same-origin');
  assert.equal(await second.text(), 'ABC');
  assert.equal(second.bodyUsed, true);
  await assert.rejects(second.json(), { name: 'TypeError', message: 'body stream already read' });
});

test('a body of bytes gets no Content-Type', () => {
  const request = new Request('http://a', { method: 'PUT', body: new Uint8Array([1, 2]) });
  assert.equal(request.headers.has('content-type'), false);
});

test('invalid options and properties of a request throw', () => {
  assert.throws(() => new Request(), { name: 'TypeError', message: '1st argument is required' });
  assert.throws(() => new Request('ftp://a'), { message: /^unsupported URL schema/ });
  for (const url of ['http://a b/', 'http://a/\r\nX: y', 'http://a:99999/', 'http://'])
    assert.throws(() => new Request(url), { name: 'TypeError', message: 'invalid url' }, url);
  assert.throws(() => new Request('http://a', { cache: '#' }), { message: 'unknown cache type: #' });
  assert.throws(() => new Request('http://a', { credentials: '#' }), { message: 'unknown credentials type: #' });
  assert.throws(() => new Request('http://a', { mode: '#' }), { message: 'unknown mode type: #' });
  assert.throws(() => new Request('http://a', { headers: 'a' }), { message: 'Headers is not an object' });
  assert.throws(() => Object.assign(new Request('http://a'), { url: 'b' }), { message: /^Cannot assign to read-only/ });
});

test('a response has the status, headers and body it is created with', async () => {
  const response = new Response('{"a": {"b": 42}}', { status: 404, statusText: 'No', headers: { a: 'X' } });
  assert.deepEqual([response.status, response.ok, response.statusText, response.url], [404, false, 'No', '']);
  assert.deepEqual([response.type, response.redirected], ['basic', false]);
  assert.deepEqual(await response.json(), { a: { b: 42 } });
  assert.equal(await new Response(null).text(), '');
  const bytes = await new Response(new Uint8Array([102, 111])).arrayBuffer();
  assert.deepEqual([...new Uint8Array(bytes)], [102, 111]);
});

test('a status or status text that is invalid throws', () => {
  assert.throws(() => new Response(null, { status: 199 }), {
    name: 'RangeError',
    message: 'status provided (199) is outside of [200, 599] range',
  });
  assert.throws(() => new Response(null, { statusText: 'a\r\nb' }), { message: 'invalid Response statusText' });
});

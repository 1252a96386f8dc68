import assert from 'node:assert/strict';
import { after, before, describe, it, test } from 'node:test';
import { checkConfig } from '../../src/index.js';
import { answeringBackend, type Backend, get, reply, startProxy, type TestProxy } from '../kit/index.js';

describe('proxy_forwarded', () => {
  let backend: Backend;
  let proxy: TestProxy;
  let received: readonly string[] = [];
  before(async () => {
    backend = await answeringBackend(({ head }) => {
      received = head.split('\r\n').flatMap((line) => /^forwarded: (.*)$/i.exec(line)?.[1] ?? []);
      return reply('ok');
    });
    proxy = await startProxy(
      `server {
        listen 127.0.0.1:0;
        set_real_ip_from 127.0.0.1;
        location /off { proxy_pass http://127.0.0.1:%%BACK%%; }
        location /on { proxy_forwarded on; proxy_pass http://127.0.0.1:%%BACK%%; }
        location /append { proxy_forwarded append host=; proxy_pass http://127.0.0.1:%%BACK%%; }
        location /all { proxy_forwarded on by=_edge.1 for=[$remote_addr]:$remote_port host=$arg_host proto=$arg_proto; proxy_pass http://127.0.0.1:%%BACK%%; }
        location /by { proxy_forwarded on by=[$server_addr]:$server_port for=$arg_for host= proto=; proxy_pass http://127.0.0.1:%%BACK%%; }
        location /own { proxy_forwarded on; proxy_set_header Forwarded for=_own; proxy_pass http://127.0.0.1:%%BACK%%; }
      }`,
      { BACK: backend.port },
    );
  });
  after(async () => {
    await proxy.close();
    await backend.close();
  });
  const forwarded = async (path: string, ...fields: string[]) => {
    await get(proxy.port, path, { fields: ['Host: example.com:8080', ...fields] });
    return received;
  };

  it('replaces the field of the client, or passes it on', async () => {
    const field = 'Forwarded: for=203.0.113.1';
    assert.deepEqual(await forwarded('/off', field), ['for=203.0.113.1']);
    assert.deepEqual(await forwarded('/on', field), ['for=127.0.0.1;host="example.com:8080";proto=http']);
  });
  it('quotes addresses of IPv6 and ports', async () => {
    const client = 'X-Real-IP: [2001:db8::1]:99';
    assert.deepEqual(await forwarded('/on', client), ['for="[2001:db8::1]";host="example.com:8080";proto=http']);
    assert.deepEqual(await forwarded('/all?proto=https', client), ['by=_edge.1;for="[2001:db8::1]:99";proto=https']);
    assert.deepEqual(await forwarded('/all?host=x', 'X-Real-IP: 192.0.2.1:80'), [
      'by=_edge.1;for="192.0.2.1:80";host=x',
    ]);
    assert.deepEqual(await forwarded('/by?for=_x-1'), [`by="127.0.0.1:${proxy.port}";for=_x-1`]);
  });
  it('is unknown for everything that is no address and no identifier', async () => {
    for (const value of ['unknown', 'example.com', 'unix:', '_', '_a,for=b', '1.2.3.4;x', '1.2.3.4,5.6.7.8']) {
      assert.deepEqual(await forwarded(`/by?for=${value}`), [`by="127.0.0.1:${proxy.port}";for=unknown`], value);
    }
    assert.deepEqual(await forwarded('/by'), [`by="127.0.0.1:${proxy.port}"`]);
  });
  it('escapes values', async () => {
    assert.deepEqual(await forwarded('/all?host=a"b\\c;d', 'X-Real-IP: 192.0.2.1:80'), [
      'by=_edge.1;for="192.0.2.1:80";host="a\\"b\\\\c;d"',
    ]);
  });
  it('appends an element to the field of the client, unless that is malformed', async () => {
    const own = 'for=127.0.0.1;proto=http';
    assert.deepEqual(await forwarded('/append'), [own]);
    const lines = ['Forwarded: for=203.0.113.1, for="[::1]";by=_x', 'Forwarded: for=unknown'];
    assert.deepEqual(await forwarded('/append', ...lines), [`for=203.0.113.1, for="[::1]";by=_x, for=unknown, ${own}`]);
    for (const line of ['for="', 'for=a"', 'for=1;for=2', 'x y', 'for="\\']) {
      assert.deepEqual(await forwarded('/append', 'Forwarded: for=a', `Forwarded: ${line}`), [own], line);
    }
  });
  it('is replaced by proxy_set_header', async () => {
    assert.deepEqual(await forwarded('/own'), ['for=_own']);
  });
});

test('contradictions between Forwarded and the X-Forwarded fields are reported', () => {
  const messages = (text: string) => {
    const config = `events {}\nhttp { server { location / { proxy_pass http://127.0.0.1:1; ${text} } } }`;
    return checkConfig({ config })
      .findings.filter(({ code }) => code === 'conflicting-directives')
      .map(({ message }) => message);
  };
  const set = (field: string, value: string) => `proxy_set_header ${field} ${value};`;
  assert.deepEqual(
    messages(
      `proxy_forwarded on; ${set('X-Forwarded-For', '$remote_addr')} ${set('X-Forwarded-Proto', '$scheme')} ${set('X-Forwarded-Host', '$host')}`,
    ),
    [],
  );
  assert.deepEqual(messages(`proxy_forwarded append; ${set('X-Forwarded-For', '$proxy_add_x_forwarded_for')}`), []);
  assert.deepEqual(messages(`proxy_forwarded off; ${set('X-Forwarded-Proto', 'https')}`), []);
  assert.match(
    messages(`proxy_forwarded on; ${set('X-Forwarded-For', '$proxy_add_x_forwarded_for')}`)[0] ?? '',
    /^X-Forwarded-For contains/,
  );
  assert.match(
    messages(`proxy_forwarded append; ${set('X-Forwarded-For', '$remote_addr')}`)[0] ?? '',
    /^Forwarded contains/,
  );
  assert.match(
    messages(`proxy_forwarded on; ${set('X-Forwarded-Proto', 'https')}`)[0] ?? '',
    /^X-Forwarded-Proto and "proto"/,
  );
  assert.match(
    messages(`proxy_forwarded on; ${set('X-Forwarded-Host', 'example.com')}`)[0] ?? '',
    /^X-Forwarded-Host and "host"/,
  );
  assert.match(
    messages(`proxy_forwarded on; ${set('Forwarded', 'for=_x')}`)[0] ?? '',
    /^"proxy_forwarded" has no effect/,
  );
});

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { get, startProxy, type TestProxy } from '../kit/index.js';

describe('the address that a trusted proxy reports', () => {
  let proxy: TestProxy;
  before(async () => {
    proxy = await startProxy(
      `
      server {
        listen 127.0.0.1:0;
        root %%DIR%%;
        location /untrusted { set_real_ip_from 10.0.0.0/8; return 200 $remote_addr; }
        location = /real { set_real_ip_from 127.0.0.1; try_files /seen =404; add_header X-Seen "$remote_addr|$remote_port|$realip_remote_addr"; }
        location = /list {
          set_real_ip_from 127.0.0.0/8; set_real_ip_from 192.0.2.0/24;
          real_ip_header X-Forwarded-For;
          try_files /seen =404; add_header X-Seen $remote_addr;
        }
        location = /recursive {
          set_real_ip_from 127.0.0.0/8; set_real_ip_from 192.0.2.0/24;
          real_ip_header X-Forwarded-For; real_ip_recursive on;
          try_files /seen =404; add_header X-Seen $remote_addr;
        }
        location = /other { set_real_ip_from localhost; real_ip_header X-Client; try_files /seen =404; add_header X-Seen $remote_addr; }
        location = /rfc7239 {
          set_real_ip_from 127.0.0.0/8; set_real_ip_from 192.0.2.0/24; set_real_ip_from 2001:db8::/32;
          real_ip_header forwarded; real_ip_recursive on;
          try_files /seen =404; add_header X-Seen "$remote_addr|$remote_port";
        }
        location = /denied { set_real_ip_from 127.0.0.1; deny 192.0.2.7; try_files /seen =404; }
      }`,
      {},
      { files: { seen: 'ok' } },
    );
  });
  after(() => proxy.close());
  const seen = async (path: string, ...fields: string[]) => (await get(proxy.port, path, { fields })).field('x-seen');

  it('is taken from X-Real-IP, with its port where one is told', async () => {
    assert.equal(await seen('/real', 'X-Real-IP: 192.0.2.1'), '192.0.2.1||127.0.0.1');
    assert.equal(await seen('/real', 'X-Real-IP: 192.0.2.1:8888'), '192.0.2.1|8888|127.0.0.1');
    assert.equal(await seen('/real', 'X-Real-IP: [2001:DB8::0:1]:80'), '2001:db8::1|80|127.0.0.1');
  });

  it('is not taken where it is none, or from a stranger', async () => {
    assert.match((await seen('/real', 'X-Real-IP: nonsense')) ?? '', /^127\.0\.0\.1\|\d+\|127\.0\.0\.1$/);
    assert.equal((await get(proxy.port, '/untrusted', { fields: ['X-Real-IP: 192.0.2.1'] })).body, '127.0.0.1');
  });

  it('is the last one of a list, or the last that is not trusted', async () => {
    const list = ['X-Forwarded-For: 198.51.100.1, 203.0.113.5', 'X-Forwarded-For: 192.0.2.9'];
    assert.equal(await seen('/list', ...list), '192.0.2.9');
    assert.equal(await seen('/recursive', ...list), '203.0.113.5');
  });

  it('may come from any field; names of hosts are looked up', async () => {
    assert.equal(await seen('/other', 'X-Client: 192.0.2.4'), '192.0.2.4');
  });

  it('is the last one in Forwarded, or the last that is not trusted', async () => {
    const last = async (...lines: string[]) => seen('/rfc7239', ...lines.map((line) => `Forwarded: ${line}`));
    assert.equal(await last('for=198.51.100.1, for=203.0.113.5;proto=http;by=203.0.113.43'), '203.0.113.5|');
    assert.equal(await last('for=203.0.113.5, For="[2001:DB8::17]:4711"; host="a,b"', 'for=192.0.2.9'), '203.0.113.5|');
    assert.equal(await last('for="[2001:db9::17]:4711"'), '2001:db9::17|4711');
    assert.equal(await last('for=203.0.113.5, for=unknown, for=192.0.2.9'), '192.0.2.9|');
    assert.equal(await last('for=203.0.113.5, proto=http, for=192.0.2.9'), '192.0.2.9|');
    for (const line of [
      '203.0.113.5',
      'for="203.0.113.5',
      'for=203.0.113.5;for=192.0.2.1',
      'for="203.0.113.5, 192.0.2.1"',
    ]) {
      assert.match((await last(line)) ?? '', /^127\.0\.0\.1\|\d+$/, line);
    }
  });

  it('is what access rules go by', async () => {
    assert.equal((await get(proxy.port, '/denied')).status, 200);
    assert.equal((await get(proxy.port, '/denied', { fields: ['X-Real-IP: 192.0.2.7'] })).status, 403);
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { get, startProxy, type TestProxy } from '../kit/index.js';

describe('identifiers of clients', () => {
  let proxy: TestProxy;
  before(async () => {
    proxy = await startProxy(`
      userid on;
      userid_expires 1d;
      server {
        listen 127.0.0.1:0;
        location / { return 200 "$uid_got|$uid_set"; }
        location /v1 { userid v1; userid_service 7; return 200 "$uid_set"; }
        location /service { userid_service 258; userid_expires off; return 200 "$uid_set"; }
        location /reset { set $uid_reset $arg_how; return 200 "$uid_got|$uid_set"; }
        location /page { ssi on; default_type text/html; return 200 '<!--#echo var="uid_set" -->|<!--#include virtual="/part" -->'; }
        location /part { return 200 $uid_set; }
      }`);
  });
  after(() => proxy.close());

  const parts = (id: string): number[] => [0, 8, 16, 24].map((at) => Number.parseInt(id.slice(4 + at, 12 + at), 16));
  const swapped = (value = 0): number => Buffer.from(value.toString(16).padStart(8, '0'), 'hex').readUInt32LE();

  it('have the address, the time and a sequence, and are sent once', async () => {
    const first = await get(proxy.port);
    const second = await get(proxy.port);
    const cookie = /^uid=([A-Za-z0-9+/]{22}==); expires=(.*); path=\/$/.exec(first.field('set-cookie') ?? '');
    assert.ok(cookie, first.field('set-cookie'));
    assert.match(cookie[2] ?? '', /^[A-Z][a-z][a-z], \d\d-[A-Z][a-z][a-z]-\d\d \d\d:\d\d:\d\d GMT$/);
    const [, set = ''] = first.body.split('|');
    const [address, time, start, sequence] = parts(set);
    assert.equal(address, 0x0100007f);
    assert.ok(Math.abs(swapped(time) - Date.now() / 1000) < 60);
    const [, , otherStart, otherSequence] = parts(second.body.split('|')[1] ?? '');
    assert.equal(otherStart, start);
    assert.equal(swapped(otherSequence) - swapped(sequence), 0x100);

    const again = await get(proxy.port, '/', { fields: [`Cookie: a=b; uid=${cookie[1]}`] });
    assert.equal(again.field('set-cookie'), undefined);
    assert.equal(again.body, `${set}|`);
  });

  it('have the number of the service', async () => {
    assert.equal(parts((await get(proxy.port, '/v1')).body)[0], 7);
    const answer = await get(proxy.port, '/service');
    assert.equal(swapped(parts(answer.body)[0]), 258);
    assert.doesNotMatch(answer.field('set-cookie') ?? '', /expires/);
  });

  it('are replaced by $uid_reset, and logged on request', async () => {
    const fields = ['Cookie: uid=fwAAAWVT8QAAAQECAgMDAw=='];
    for (const how of ['', '0']) {
      assert.equal((await get(proxy.port, `/reset?how=${how}`, { fields })).field('set-cookie'), undefined);
    }
    assert.match((await get(proxy.port, '/reset?how=1', { fields })).field('set-cookie') ?? '', /^uid=/);
    const [old] = (await get(proxy.port, '/reset?how=log', { fields })).body.split('|');
    const line = `userid cookie "${old}" was reset`;
    assert.equal(proxy.messages('notice').filter((each) => each.includes(line)).length, 1);
  });

  it('are the same in a page and its includes, and are sent once', async () => {
    const answer = await get(proxy.port, '/page');
    const [page, part] = answer.body.split('|');
    assert.equal(part, page);
    assert.equal(answer.fields.filter(([name]) => name === 'Set-Cookie').length, 1);
  });
});

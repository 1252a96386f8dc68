import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LocalOrigins } from '../../../src/cli/dev/local-origin.js';

const ORIGINS = new LocalOrigins({
  names: ['shop.example', 'www.shop.example', '*.cdn.example', '.wild.example', 'intranet', '_', 'localhost'],
  ports: [
    { from: 80, to: 8080, secure: false },
    { from: 443, to: 8443, secure: true },
    { from: 9000, to: 9001, secure: false },
  ],
});

test('a name below localhost stands for a server name', () => {
  for (const [host, real] of [
    ['shop.example.localhost', 'shop.example'],
    ['a.cdn.example.localhost', 'a.cdn.example'],
    ['wild.example.localhost', 'wild.example'],
    ['intranet.localhost', 'intranet'],
    // The default server answers it, as in production.
    ['unknown.example.localhost', 'unknown.example'],
    ['app.localhost', null],
    ['localhost', null],
    ['shop.example', null],
  ] as const) {
    assert.equal(ORIGINS.realHost(host), real, host);
  }
});

test('URLs of requests are those of the configuration', () => {
  for (const [url, real] of [
    ['https://shop.example.localhost:8443', 'https://shop.example'],
    ['http://shop.example.localhost:8080/a?b#c', 'http://shop.example/a?b#c'],
    ['http://shop.example.localhost:9001/', 'http://shop.example:9000/'],
    ['https://elsewhere.example/', null],
    ['http://localhost:8080/', null],
    ['null', null],
    ['', null],
  ] as const) {
    assert.equal(ORIGINS.toReal(url), real, url);
  }
});

test('URLs of responses lead to this machine if they are those of a server', () => {
  for (const [url, local] of [
    ['https://shop.example/a?b', 'https://shop.example.localhost:8443/a?b'],
    ['https://SHOP.example', 'https://shop.example.localhost:8443'],
    ['http://shop.example:80/', 'http://shop.example.localhost:8080/'],
    ['http://shop.example:9000/', 'http://shop.example.localhost:9001/'],
    // A configuration that uses $server_port has the port of this machine.
    ['https://shop.example:8443/', 'https://shop.example.localhost:8443/'],
    ['https://x.cdn.example/', 'https://x.cdn.example.localhost:8443/'],
    ['https://intranet/', 'https://intranet.localhost:8443/'],
    ['https://localhost/', 'https://localhost:8443/'],
    ['https://elsewhere.example/', null],
    ['https://shop.example:1234/', null],
    ['https://shop.example.evil.example/', null],
    ['https://shop.example@evil.example/', null],
    ['/relative', null],
    ['ftp://shop.example/', null],
  ] as const) {
    assert.equal(ORIGINS.toLocal(url, 'www.shop.example', true), local, url);
  }
  assert.equal(ORIGINS.toLocal('https://shop.example/', 'shop.example', false), 'https://shop.example:8443/');
  assert.equal(ORIGINS.toLocal('https://127.0.0.1/', '127.0.0.1', true), 'https://127.0.0.1:8443/');
});

test('the domain of cookies is that of this machine', () => {
  for (const [cookie, local] of [
    ['a=b; Domain=shop.example; Path=/', 'a=b; Domain=shop.example.localhost; Path=/'],
    // A domain above the host.
    ['a=b; path=/; domain=.Example', 'a=b; path=/; domain=example.localhost'],
    ['a=b; domain=.shop.example', 'a=b; domain=shop.example.localhost'],
    ['a=b; Domain=other.example', null],
    ['a=b; Path=/', null],
    ['a="; Domain"', null],
  ] as const) {
    assert.equal(ORIGINS.localCookie(cookie, 'www.shop.example', true), local, cookie);
  }
  assert.equal(ORIGINS.localCookie('a=b; Domain=shop.example', 'shop.example', false), null);
});

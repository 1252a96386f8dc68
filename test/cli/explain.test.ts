import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Explanation } from '../../src/index.js';
import { command, Prefix } from './running.js';

const CONFIGURATION = `events {}
http {
    upstream chat { ip_hash; server 127.0.0.1:9001; server 127.0.0.1:9002; }
    server {
        listen 80;
        server_name shop.example;
        location /ws/ {
            proxy_pass http://chat;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
        }
    }
}
`;

test('a request is explained as text, with files named from the working directory', async (t) => {
  const prefix = new Prefix(t, CONFIGURATION);
  const words = [
    'explain',
    '-c',
    'nginx.conf',
    'GET wss://shop.example/ws/1',
    '-H',
    'Upgrade: websocket',
    '-H',
    'Connection: Upgrade',
  ];
  const { code, stdout, stderr } = await command(words, { cwd: prefix.path });
  assert.deepEqual([code, stderr], [0, '']);
  for (const line of [
    /^GET \/ws\/1 HTTP\/1\.1 {2}from 127\.0\.0\.1:50000$/m,
    /^server +shop\.example \(nginx\.conf:4\)$/m,
    /^ {4}location \/ws\/ +nginx\.conf:7 +chosen: the longest prefix/m,
    /^ {4}proxy_pass http:\/\/chat +nginx\.conf:8$/m,
    /^ {2}ip_hash \(nginx\.conf:3\), the key is "127\.0\.0\.1"$/m,
    /^ {4}\| Upgrade: websocket$/m,
    /^ {2}\| HTTP\/1\.1 101 Switching Protocols$/m,
  ]) {
    assert.match(stdout, line);
  }
  assert.ok(!stdout.includes('\x1b'));
});

test('a request is explained as JSON', async (t) => {
  const prefix = new Prefix(t, CONFIGURATION);
  const words = ['explain', '--json', '-c', 'nginx.conf', '-p', prefix.path, 'GET', '/ws/ä', '--host', 'shop.example'];
  const { code, stdout } = await command(words, { cwd: '/' });
  const explanation = JSON.parse(stdout) as Explanation;
  assert.equal(code, 0);
  assert.equal(explanation.version, 1);
  assert.equal(explanation.request.line, 'GET /ws/ä HTTP/1.1');
  assert.equal(explanation.server.why, 'exact');
  assert.equal(explanation.location.at?.file, `${prefix.path}/nginx.conf`);
  assert.equal(explanation.upstreams[0]?.requests.length, 1);
});

test('directives of -g are read', async (t) => {
  const prefix = new Prefix(t, CONFIGURATION);
  const { code, stderr } = await command(['explain', '-c', 'nginx.conf', '-g', 'pidd x;', '/'], { cwd: prefix.path });
  assert.equal(code, 1);
  assert.match(stderr, /unknown directive "pidd" in command line/);
});

for (const [name, words, output] of [
  ['a request line', ['GET', '/a', 'b'], /^tsproxy: invalid request "GET \/a b": unexpected "b"/],
  [
    'an address',
    ['/', '--listen', '81'],
    /^tsproxy: there is no listener on "81"; the configuration listens on 0\.0\.0\.0:80$/m,
  ],
  ['a header', ['/', '-H', 'Upgrade'], /^tsproxy: "Upgrade" is not a header; expected "Name: value"$/m],
  ['a size', ['/', '--body-size', 'big'], /"big" is not a number of bytes/],
  ['nothing', [], /missing required argument "request"/],
] as const) {
  test(`${name} that makes no sense is refused with a sentence`, async (t) => {
    const prefix = new Prefix(t, CONFIGURATION);
    const { code, stdout, stderr } = await command(['explain', '-c', 'nginx.conf', ...words], { cwd: prefix.path });
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, output);
  });
}

test('a refused configuration is shown with its findings', async (t) => {
  const prefix = new Prefix(t, 'events {}\nhttp { server { lisen 80; } }\n');
  const { code, stdout, stderr } = await command(['explain', '-c', 'nginx.conf', '/'], { cwd: prefix.path });
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /unknown directive "lisen" in .*nginx\.conf:2/);
});

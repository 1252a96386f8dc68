/** Addresses that proxies report are read as nginx reads them, however they are written. Skipped where there is no nginx. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Random } from '../stress/random.js';
import { unavailable } from './nginx.js';
import { type Oracle, startOracle } from './oracle.js';

const ADDRESSES = [
  '10.1.1.1',
  '127.0.0.1',
  '203.0.113.9',
  '255.255.255.255',
  '0.0.0.0',
  '01.002.3.4',
  '1..2.3',
  '256.1.1.1',
  '1.2.3',
  '1.2.3.4.5',
  '::1',
  '::',
  '2001:db8::7',
  '2001:DB8:0:0:1::',
  'fe80::1%eth0',
  '::ffff:10.1.1.1',
  '::ffff:255.255.255.255',
  '1:2:3:4:5:6:7:8',
  '1:2:3:4:5:6:7::',
  '1::2:',
  '1:2:3:4:5:6:7.8.9.10',
  '12345::',
  'unix:',
  'unix:/run/x',
  'unknown',
  'localhost',
  '_hidden',
  '',
];
const PORTS = ['', '', '', ':80', ':0', ':65535', ':65536', ':99999', ':00080', ':', ':-1', ':+5', ':8 0', ':80:80'];
const FRAMES = [
  (address: string, port: string) => `${address}${port}`,
  (address: string, port: string) => `[${address}]${port}`,
  (address: string, port: string) => `[${address}${port}`,
  (address: string, port: string) => `"${address}${port}"`,
];
const SEPARATORS = [',', ', ', ' ', ' , ', ',,', '\t'];

const WRITTEN = [
  '10.1.1.1:99999',
  '10.1.1.1:0',
  ',10.1.1.1',
  '255.255.255.255',
  '255.255.255.255:80',
  '10.1.1.1,',
  ',',
  ',,',
  ',10.1.1.1, 127.0.0.1',
  '[2001:db8::7]:443',
  '[10.1.1.1]:443',
  '[::1]x',
  '...',
  '::ffff:10.1.1.1',
];

const FIELDS = [
  { path: 'forwarded', name: 'X-Forwarded-For' },
  { path: 'real-ip', name: 'X-Real-IP' },
  { path: 'other', name: 'X-Client' },
] as const;

describe('reported addresses', { skip: unavailable }, () => {
  let oracle: Oracle;
  before(async () => {
    const locations = FIELDS.flatMap(({ path, name }) =>
      (['on', 'off'] as const).map(
        (recursive) => `location /${path}-${recursive} {
          real_ip_header ${name}; real_ip_recursive ${recursive};
          root %%ROOT%%;
          add_header X-Address "$remote_addr|$remote_port|$realip_remote_port|$near";
          try_files /file =404;
        }
        location /only-${path}-${recursive} {
          real_ip_header ${name}; real_ip_recursive ${recursive};
          allow 10.1.1.1; deny all;
          root %%ROOT%%;
          try_files /file =404;
        }`,
      ),
    );
    oracle = await startOracle({
      name: 'reported addresses',
      config: `geo $near { default far; 10.0.0.0/8 near; 127.0.0.0/8 own; ::/8 mapped; proxy 127.0.0.0/8; proxy 10.0.0.0/8; proxy_recursive; }
      server {
        listen 127.0.0.1:%%PORT%%;
        keepalive_requests 100000;
        set_real_ip_from 127.0.0.0/8; set_real_ip_from 10.0.0.0/8; set_real_ip_from ::1; set_real_ip_from unix:;
        ${locations.join('\n')}
      }`,
      files: { file: 'x' },
      cases: [],
    });
  });
  after(() => oracle?.close());

  test('lead to the same client as in nginx', async () => {
    const random = new Random(13);
    const element = () =>
      random.of(FRAMES.slice(0, random.below(3) > 0 ? 1 : 4))(random.of(ADDRESSES), random.of(PORTS));
    const list = () => {
      let text = random.below(7) === 0 ? random.of(SEPARATORS) : '';
      for (let n = 1 + random.below(3); n > 0; n--) text += element() + (n > 1 ? random.of(SEPARATORS) : '');
      return random.below(7) === 0 ? text + random.of(SEPARATORS) : text;
    };
    const values: string[][] = WRITTEN.map((value) => [value]);
    // Newer nginx than Debian's takes brackets without a port as well.
    const comparable = (lines: readonly string[]) => !lines.some((line) => /\](?![^ ,])/.test(line));
    while (values.length < 1500) values.push(random.below(5) === 0 ? [list(), list()] : [list()]);
    for (let i = 0; i < values.length; i += 10) {
      const asked = values
        .slice(i, i + 10)
        .filter(comparable)
        .flatMap((lines) =>
          FIELDS.flatMap(({ path, name }) =>
            ['on', 'off'].flatMap((recursive) =>
              ['', 'only-'].map((only) => ({ path: `/${only}${path}-${recursive}`, name, lines })),
            ),
          ),
        );
      const bytes = asked.map(
        ({ path, name, lines }) =>
          `GET ${path} HTTP/1.1\r\nHost: x\r\n${lines.map((line) => `${name}: ${line}\r\n`).join('')}\r\n`,
      );
      const { nginx, tsproxy } = await oracle.ask(bytes.join(''));
      assert.equal(nginx.answers.length, asked.length + 1);
      asked.forEach((each, n) => {
        assert.equal(outcome(tsproxy.answers[n]), outcome(nginx.answers[n]), JSON.stringify(each));
      });
    }
  });
});

/** Status and reported values of an answer; a port that is the connection's own is not the same on both sides. */
function outcome(answer = ''): string {
  const values = /X-Address: (.*)\r\n/.exec(answer)?.[1]?.split('|') ?? [];
  if (values[1] === values[2]) values[1] = 'own';
  values.splice(2, 1);
  return `${answer.slice(9, 12)} ${values.join(' ')}`;
}

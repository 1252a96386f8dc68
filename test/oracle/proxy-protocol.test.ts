/** PROXY protocol headers have the same effect as in nginx, if they arrive in one piece. Skipped if there is no nginx. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { headerV2, INET_ADDRESSES, INET6_ADDRESSES, SSL_FIELD, tlv, until } from '../kit/index.js';
import { nginxVersion, unavailable } from './nginx.js';
import { type Oracle, startOracle } from './oracle.js';

const TCP4 = 'PROXY TCP4 192.0.2.1 198.51.100.2 4321 443\r\n';

/** Headers, valid or not. */
const HEADERS: readonly string[] = [
  TCP4,
  'PROXY TCP6 2001:DB8::7 ::ffff:10.0.0.1 4321 443\r\n',
  'PROXY TCP6 192.0.2.1 198.51.100.2 4321 443\r\n',
  'PROXY TCP4 999.0.2.1 198.51.100.2 4321 443\r\n',
  'PROXY TCP4 1..2.3 198.51.100.2 4321 443\r\n',
  'PROXY TCP4 abc  4321 443\r\n',
  'PROXY TCP4   4321 443\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.2 0 0\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.2 00080 443\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.2 443 65536\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.2 -1 443\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.2  443\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.2 4321\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.2 4321 443 \r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.2 4321 443\r\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.2 4321 443\n',
  'PROXY TCP4 host 198.51.100.2 4321 443\r\n',
  'PROXY TCP4\t192.0.2.1 198.51.100.2 4321 443\r\n',
  'PROXY TCP5 192.0.2.1 198.51.100.2 4321 443\r\n',
  'PROXY UDP4 192.0.2.1 198.51.100.2 4321 443\r\n',
  'PROXY UNKNOWN\r\n',
  'PROXY UNKNOWNx\r\n',
  'PROXY UNKNOWN a\nb\r\n',
  'PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n',
  'proxy TCP4 192.0.2.1 198.51.100.2 4321 443\r\n',
  '',
  ' PROXY TCP4 192.0.2.1 198.51.100.2 4321 443\r\n',
  headerV2({ body: INET_ADDRESSES }),
  headerV2({ body: `${INET_ADDRESSES}x` }),
  headerV2({ family: 0x21, body: INET6_ADDRESSES }),
  headerV2({ body: INET_ADDRESSES + tlv(2, 'example.com') + SSL_FIELD }),
  headerV2({ body: INET_ADDRESSES + tlv(0x20, '') }),
  headerV2({ body: `${INET_ADDRESSES + tlv(2, 'example.com')}\x20\xff\xff` }),
  headerV2({ body: INET_ADDRESSES.slice(1) }),
  headerV2({ family: 0x21, body: INET_ADDRESSES }),
  headerV2({ command: 0, body: INET_ADDRESSES }),
  headerV2({ command: 2, body: INET_ADDRESSES }),
  headerV2({ family: 0x12, body: INET_ADDRESSES }),
  headerV2({ family: 0x31, body: '\0'.repeat(216) }),
  headerV2({ family: 0x00 }),
  headerV2({ version: 1, body: INET_ADDRESSES }),
  headerV2({ version: 3, body: INET_ADDRESSES }),
  headerV2({ length: 0xffff, body: INET_ADDRESSES }),
  TCP4 + TCP4,
];

describe('PROXY protocol headers', { skip: unavailable }, () => {
  let oracle: Oracle;
  const [major = 0, minor = 0] = nginxVersion().split('.').map(Number);
  /** Variables of TLVs are newer than Debian's nginx. */
  const tlvs =
    major > 1 || minor >= 24
      ? '|$proxy_protocol_tlv_authority|$proxy_protocol_tlv_ssl_cn|$proxy_protocol_tlv_ssl_verify|$proxy_protocol_tlv_0x02'
      : '';
  before(async () => {
    oracle = await startOracle({
      name: 'PROXY protocol headers',
      config: `
      log_format addresses "$remote_addr|$proxy_protocol_addr|$proxy_protocol_port|$status";
      server {
        access_log %%DIR%%/addresses.log addresses;
        listen 127.0.0.1:%%PORT%% proxy_protocol;

        set_real_ip_from 127.0.0.1; real_ip_header proxy_protocol;
        location / {
          root %%ROOT%%; try_files /file =404;
          add_header X-Seen "$remote_addr|$proxy_protocol_addr|$proxy_protocol_port|$proxy_protocol_server_addr|$proxy_protocol_server_port${tlvs}";
        }
        location /real { return 200 "$remote_addr|$realip_remote_addr"; }
      }`,
      files: { file: 'x' },
      cases: [],
    });
  });
  after(() => oracle?.close());

  for (const header of HEADERS) {
    test(JSON.stringify(header.slice(0, 70)), async () => {
      const before = oracle.read('addresses.log');
      const { nginx, tsproxy } = await oracle.ask(`${header}GET /a HTTP/1.1\r\nHost: x\r\n\r\n`);
      const outcome = (answers: readonly string[]) =>
        answers.map((answer) => [/^\S+ (\d+)/.exec(answer)?.[1] ?? '', /^X-Seen: (.*)\r$/m.exec(answer)?.[1]]);
      assert.deepEqual(outcome(tsproxy.answers), outcome(nginx.answers));
      if (nginx.answers.every((answer) => answer === '')) return;
      await until('both have logged', () => {
        const { nginx, tsproxy } = oracle.read('addresses.log');
        return nginx.length > before.nginx.length && tsproxy.length > before.tsproxy.length;
      });
      const logged = oracle.read('addresses.log');
      assert.equal(logged.tsproxy.slice(before.tsproxy.length), logged.nginx.slice(before.nginx.length));
    });
  }
});

/** Log lines of nginx and tsproxy about requests that end in many ways: counts, statuses, and the sentences of the error log. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { until } from '../kit/index.js';
import { nginxVersion, unavailable } from './nginx.js';
import { type Oracle, startOracle } from './oracle.js';
import { ATTEMPT_LOCATIONS, ATTEMPT_UPSTREAMS, ATTEMPTS } from './values/attempts.js';
import { BODIES, BODY_LOCATIONS } from './values/bodies.js';
import { converse, type SilentBackend, silentBackend } from './values/conversation.js';
import { LOCATIONS, SCENARIOS } from './values/scenarios.js';

/** Compared as they are. */
const VALUES = [
  'status',
  'request_completion',
  'bytes_sent',
  'body_bytes_sent',
  'request_length',
  'connection_requests',
  'pipe',
  'upstream_status',
  'upstream_bytes_received',
  'upstream_bytes_sent',
  'upstream_response_length',
  'request_body',
  'request_body_file',
];
/** Compared as there or not. */
const TIMES = [
  'request_time',
  'connection_time',
  'upstream_connect_time',
  'upstream_header_time',
  'upstream_response_time',
];

const CONFIG = `
  log_format values '$uri ${[...VALUES, ...TIMES].map((name) => `${name}=$${name}`).join('|')}';
  map $http_upgrade $upgrade_or_none { '' ''; default upgrade; }
  upstream pool { server 127.0.0.1:%%SILENT%%; keepalive 4; }
  ${ATTEMPT_UPSTREAMS}
  server {
    listen 127.0.0.1:%%PORT%%;
    access_log %%DIR%%/values values;
    error_log %%DIR%%/errors info;
    server_tokens off;
    proxy_http_version 1.1;
    proxy_pass_header Server;
    ${LOCATIONS}
    ${BODY_LOCATIONS}
    ${ATTEMPT_LOCATIONS}
  }`;

const isBefore129 = /^1\.([01]?\d|2[0-8])\./.test(nginxVersion());

/** Log lines without what is never the same. `own`: bytes by which heads and pages that a client got are longer than nginx's. */
function comparable(lines: readonly string[], own: Own): string[] {
  const less = (n: string, by: number) => Math.max(0, Number(n) - by);
  return lines.map((line) =>
    line
      .replace(/\|request_body_file=\/[^|]*/, '|request_body_file=PATH')
      .replace(/\|bytes_sent=(\d+)/, (_, n: string) => `|bytes_sent=${less(n, own.heads + own.pages)}`)
      .replace(/\|body_bytes_sent=(\d+)/, (_, n: string) => `|body_bytes_sent=${less(n, own.pages)}`)
      .replace(/(?<=_time=)[^|]*/g, (times) => times.replace(/[\d.]+/g, 'time')),
  );
}

interface Own {
  readonly heads: number;
  readonly pages: number;
}

/** The name of the software is two letters longer than nginx's. */
function ownBytes(received: string): Own {
  return {
    heads: 2 * (received.split('\nServer: tsproxy').length - 1),
    pages: 2 * (received.split('<center>tsproxy').length - 1),
  };
}

function errors(text: string): string[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) =>
      line
        .replace(/^\S+ \S+ (\[\w+\]) \d+#\d+: \*\d+ /, '$1 ')
        .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT')
        .replace(/temporary file \/[^,]*/, 'temporary file PATH'),
    )
    .filter((line) => !/keepalive connection|while waiting for request/.test(line));
}

describe('nginx and tsproxy log the same values', { skip: unavailable }, () => {
  let oracle: Oracle;
  let backend: SilentBackend;
  before(async () => {
    backend = await silentBackend();
    oracle = await startOracle({
      name: 'values',
      config: CONFIG.replaceAll('%%SILENT%%', String(backend.port)),
      cases: [],
    });
  });
  after(async () => {
    await oracle?.close();
    await backend?.close();
  });

  for (const { name, steps, lines = 1, known, since129 } of [...SCENARIOS, ...BODIES, ...ATTEMPTS]) {
    const skip = since129 === true && isBefore129 ? 'needs nginx 1.29' : false;
    it(name, { skip }, async () => {
      const logged = async (side: 'nginx' | 'tsproxy') => {
        const count = () => oracle.read('values')[side].split('\n').length - 1;
        const before = [count(), oracle.read('errors')[side].length] as const;
        const received = await converse(steps, oracle.ports[side], backend);
        await until(`${side} has logged`, () => count() >= before[0] + lines);
        return [
          ...comparable(oracle.read('values')[side].split('\n').slice(before[0], -1), ownBytes(received)),
          ...errors(oracle.read('errors')[side].slice(before[1])),
        ].join('\n');
      };
      const nginx = await logged('nginx');
      const tsproxy = await logged('tsproxy');
      if (known === undefined) assert.equal(tsproxy, nginx);
      else assert.notEqual(tsproxy, nginx, `no longer different: ${known}`);
    });
  }
});

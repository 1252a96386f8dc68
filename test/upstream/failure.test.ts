/** The consequences of each kind of upstream failure. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Activity,
  FAILURE_KINDS,
  type FailureCauses,
  type FailureKind,
  UpstreamFailure,
} from '../../src/upstream/failure.js';
import { NEXT_UPSTREAM } from '../../src/upstream/next-upstream.js';

const CONNECTING: Activity = 'connecting to upstream';
const HANDSHAKE: Activity = 'SSL handshaking to upstream';
const SENDING: Activity = 'sending request to upstream';
const HEAD: Activity = 'reading response header from upstream';
const BODY: Activity = 'reading upstream';

function errno(code: string, number: number): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code, errno: -number });
}
const refused = { error: errno('ECONNREFUSED', 111), address: '127.0.0.1:1' };
const noSocket = { error: errno('EACCES', 13), address: 'unix:/s' };
const reset = { error: errno('ECONNRESET', 104), secure: false };
const plain = Object.assign(new Error('wrong version number'), { code: 'ERR_SSL_WRONG_VERSION_NUMBER' });

type Row = readonly [
  kind: FailureKind,
  activity: Activity,
  cause: FailureCauses[FailureKind],
  log: string | null,
  status: number,
  reason: keyof typeof NEXT_UPSTREAM | null,
  retry: UpstreamFailure['retry'],
  outcome: UpstreamFailure['outcome'],
];

const TABLE: readonly Row[] = [
  // kind, activity, cause, log line, status, reason of proxy_next_upstream, retry safety, outcome for the balancer
  [
    'connect',
    CONNECTING,
    refused,
    'error connect() failed (111: Connection refused)',
    502,
    'error',
    'always',
    'failed',
  ],
  [
    'connect',
    CONNECTING,
    noSocket,
    'crit connect() to unix:/s failed (13: Permission denied)',
    502,
    'error',
    'always',
    'failed',
  ],
  [
    'busy',
    CONNECTING,
    null,
    'error too many requests wait for connections to upstream',
    503,
    'error',
    'always',
    'next',
  ],
  [
    'unprocessed',
    HEAD,
    { text: 'upstream sent goaway with error 0', fresh: true },
    'error upstream sent goaway with error 0',
    502,
    'error',
    'always',
    'next',
  ],
  [
    'unprocessed',
    HEAD,
    { text: 'upstream rejected request with error 7', fresh: false },
    'error upstream rejected request with error 7',
    502,
    'error',
    'always',
    'failed',
  ],
  ['local', CONNECTING, ['alert', 'socket() failed'], 'alert socket() failed', 500, null, 'always', 'ok'],
  ['handshake', HANDSHAKE, null, 'error peer closed connection in SSL handshake', 502, 'error', 'always', 'failed'],
  ['denied', CONNECTING, null, 'error access to upstream is not allowed', 502, 'denied', 'always', 'failed'],
  ['no peers', CONNECTING, null, 'error no live upstreams', 502, null, 'always', 'ok'],
  ['refused', HANDSHAKE, 'no certificate', 'error no certificate', 502, 'error', 'always', 'failed'],
  ['expired', CONNECTING, null, 'error upstream timed out (upstream_timeout)', 504, null, 'always', 'ok'],
  [
    'timeout',
    CONNECTING,
    null,
    'error upstream timed out (110: Connection timed out)',
    504,
    'timeout',
    'always',
    'failed',
  ],
  [
    'timeout',
    SENDING,
    null,
    'error upstream timed out (110: Connection timed out)',
    504,
    'timeout',
    'repeatable',
    'failed',
  ],
  [
    'timeout',
    HEAD,
    null,
    'error upstream timed out (110: Connection timed out)',
    504,
    'timeout',
    'repeatable',
    'failed',
  ],
  ['timeout', BODY, null, 'error upstream timed out (110: Connection timed out)', 504, null, 'never', 'ok'],
  ['closed', HEAD, null, 'error upstream prematurely closed connection', 502, 'error', 'repeatable', 'failed'],
  ['closed', BODY, null, 'error upstream prematurely closed connection', 502, null, 'never', 'ok'],
  ['receive', HEAD, reset, 'error recv() failed (104: Connection reset by peer)', 502, 'error', 'repeatable', 'failed'],
  ['receive', BODY, reset, 'error recv() failed (104: Connection reset by peer)', 502, null, 'never', 'ok'],
  [
    'invalid head',
    HEAD,
    'upstream sent too big header',
    'error upstream sent too big header',
    502,
    'invalid_header',
    'repeatable',
    'failed',
  ],
  [
    'invalid body',
    BODY,
    'upstream sent invalid chunked response',
    'error upstream sent invalid chunked response',
    502,
    null,
    'never',
    'ok',
  ],
  [
    'unusable',
    HEAD,
    'connection upgrade in subrequest',
    'error connection upgrade in subrequest',
    502,
    null,
    'repeatable',
    'ok',
  ],
  ['request body', SENDING, 500, null, 500, null, 'repeatable', 'ok'],
  ['match', HEAD, null, null, 500, null, 'repeatable', 'ok'],
  ['status', HEAD, 403, null, 403, 'http_403', 'repeatable', 'next'],
  ['status', HEAD, 404, null, 404, 'http_404', 'repeatable', 'next'],
  ['status', HEAD, 429, null, 429, 'http_429', 'repeatable', 'failed'],
  ['status', HEAD, 500, null, 500, 'http_500', 'repeatable', 'failed'],
  ['status', HEAD, 502, null, 502, 'http_502', 'repeatable', 'failed'],
  ['status', HEAD, 503, null, 503, 'http_503', 'repeatable', 'failed'],
  ['status', HEAD, 504, null, 504, 'http_504', 'repeatable', 'failed'],
  ['status', HEAD, 418, null, 418, null, 'repeatable', 'ok'],
];

for (const [kind, activity, cause, log, status, reason, retry, outcome] of TABLE) {
  test(`consequences of the failure "${kind}" while ${activity}, cause ${JSON.stringify(cause)}`, () => {
    const failure = new UpstreamFailure(kind, activity, cause as never); // the table has causes of the kind
    assert.equal(failure.logLine?.join(' ') ?? null, log === null ? null : `${log} while ${activity}`);
    assert.equal(failure.status, status);
    assert.equal(failure.reason, reason === null ? 0 : NEXT_UPSTREAM[reason]);
    assert.equal(failure.retry, retry);
    assert.equal(failure.outcome, outcome);
  });
}

test('each kind of failure is in the table', () => {
  assert.deepEqual([...new Set(TABLE.map(([kind]) => kind))].sort(), [...FAILURE_KINDS].sort());
});

test('a connection that this host cannot start is not the failure of the peer', () => {
  const options = { identity: '', keepAlive: false };
  assert.equal(UpstreamFailure.ofConnection(errno('EMFILE', 24), '127.0.0.1:1', options).kind, 'local');
  assert.equal(UpstreamFailure.ofConnection(errno('ECONNREFUSED', 111), '127.0.0.1:1', options).kind, 'connect');
  assert.equal(UpstreamFailure.ofConnection(null, '127.0.0.1:1', options).kind, 'connect');
  const secure = { ...options, identity: 'a' };
  const inConnect = Object.assign(errno('ECONNREFUSED', 111), { syscall: 'connect' });
  assert.equal(UpstreamFailure.ofConnection(plain, '127.0.0.1:1', secure).kind, 'handshake');
  assert.equal(UpstreamFailure.ofConnection(inConnect, '127.0.0.1:1', secure).kind, 'connect');
});

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { normalizeTarget } from '../../src/http/request-target.js';
import { COMPLETE, RequestReader } from '../../src/http1/request-reader.js';
import { DEFAULT_LIMITS } from '../http1/splits.js';
import { complexUri } from './complex-uri.js';

const PATHS: readonly (readonly [target: string, merged: string | null, apart?: string | null])[] = [
  ['/', '/'],
  ['/a', '/a'],
  ['/a/', '/a/'],
  ['//', '/', '//'],
  ['//a///b', '/a/b', '//a///b'],
  ['/.', '/'],
  ['/./', '/'],
  ['/./a', '/a'],
  ['/a/.', '/a/'],
  ['/a/./b', '/a/b'],
  ['/a/..', '/'],
  ['/a/../', '/'],
  ['/a/../b', '/b'],
  ['/a/b/..', '/a/'],
  ['/a/b/../..', '/'],
  ['/..', null],
  ['/../', null],
  ['/a/../..', null],
  ['/a/../../b', null],
  ['//..', null, '/'],
  ['/a//..', '/', '/a/'],
  ['/a//../b', '/b', '/a/b'],
  ['/a/.//b', '/a/b', '/a//b'],
  ['/...', '/...'],
  ['/..a', '/..a'],
  ['/.a', '/.a'],
  ['/a.', '/a.'],
  ['/a..', '/a..'],
  ['/a../b', '/a../b'],
  ['/.../b', '/.../b'],
  ['/%2e', '/'],
  ['/a/%2e%2E', '/'],
  ['/%2e%2e', null],
  ['/a/.%2e/b', '/b'],
  ['/a%2Fb', '/a/b'],
  ['/a%2F%2fb', '/a/b', '/a//b'],
  ['/a%2f..%2fb', '/b'],
  ['/%2F', '/', '//'],
  ['/%41%7a', '/Az'],
  ['/%25%32%46', '/%2F'],
  ['/%3Fa', '/?a'],
  ['/%23a', '/#a'],
  ['/.%3f', '/.?'],
  ['/..%23/a', '/..#/a'],
  ['/%ff', '/\xff'],
  ['/%0a%0D', '/\n\r'],
  ['/+', '/+'],
  ['/%20', '/ '],
  ['/%00', null],
  ['/%', null],
  ['/%4', null],
  ['/%4g', null],
  ['/%g4', null],
  ['/%%41', null],
  ['/%?41', null],
  ['/%4#1', null],
];

for (const [target, merged, apart = merged] of PATHS) {
  test(`${target} is ${merged ?? 'refused'}${apart === merged ? '' : `, and ${apart ?? 'refused'} where slashes are not merged`}`, () => {
    assert.equal(normalizeTarget(target, true)?.path ?? null, merged);
    assert.equal(normalizeTarget(target, false)?.path ?? null, apart);
    // The second reading agrees.
    assert.equal(complexUri(target, true)?.path ?? null, merged);
    assert.equal(complexUri(target, false)?.path ?? null, apart);
  });
}

test('the query and the fragment are taken off', () => {
  assert.deepEqual(normalizeTarget('/a/../b?c=%2F//..#d', true), { path: '/b', args: 'c=%2F//..' });
  assert.deepEqual(normalizeTarget('/a/..?', true), { path: '/', args: '' });
  assert.deepEqual(normalizeTarget('/a/.#b?c', true), { path: '/a/', args: '' });
  assert.deepEqual(normalizeTarget('/a?b?c', true), { path: '/a', args: 'b?c' });
});

const piece = fc.constantFrom(
  '/',
  '/',
  '//',
  '.',
  '..',
  '/.',
  '/..',
  '/../',
  '/./',
  'a',
  'b.c',
  '%2F',
  '%2f',
  '%2e',
  '%2E%2e',
  '%25',
  '%3f',
  '%23',
  '%00',
  '%41',
  '%e4',
  '%',
  '%4',
  '?',
  '#',
  '+',
  '\xe4',
  '~',
);
const targets = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`);

test('any target becomes what the state machine of nginx makes of it', () => {
  fc.assert(
    fc.property(targets, fc.boolean(), (target, merge) => {
      assert.deepEqual(normalizeTarget(target, merge), complexUri(target, merge));
    }),
    { numRuns: 5000 },
  );
});

test('a target that the reader calls simple is its own path', () => {
  const reader = new RequestReader();
  fc.assert(
    fc.property(targets, (target) => {
      reader.reset();
      assert.equal(reader.feed(`GET ${target} HTTP/1.0\r\n\r\n`, DEFAULT_LIMITS), COMPLETE);
      if (reader.complex) return;
      const path = reader.query < 0 ? target : target.slice(0, reader.query);
      const args = reader.query < 0 ? '' : target.slice(reader.query + 1);
      assert.deepEqual(normalizeTarget(target, true), { path, args });
      assert.deepEqual(normalizeTarget(target, false), { path, args });
    }),
    { numRuns: 3000 },
  );
});

// -- the same questions to nginx itself

const NGINX = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/local/nginx/sbin/nginx'].find((path) => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
});
const skip = NGINX === undefined ? 'nginx is not installed: there is nothing to compare with' : false;

async function startNginx(program: string): Promise<{ sockets: readonly string[]; stop: () => Promise<void> }> {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-target-'));
  mkdirSync(join(directory, 'logs'));
  const sockets = ['on', 'off'].map((merge) => join(directory, merge));
  const servers = ['on', 'off'].map(
    (merge) => `server { listen unix:${join(directory, merge)}; merge_slashes ${merge};
      location / { add_header X-Path $uri; add_header X-Args $args; return 204; } }`,
  );
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${directory}/t;`,
  );
  writeFileSync(
    join(directory, 'nginx.conf'),
    `daemon off; master_process off; pid ${directory}/pid; error_log ${directory}/logs/error.log;
     events {} http { access_log off; keepalive_requests 100000; ${temporary.join(' ')} ${servers.join('\n')} }`,
  );
  const child: ChildProcess = spawn(
    program,
    ['-p', directory, '-c', 'nginx.conf', '-e', `${directory}/logs/error.log`],
    { stdio: 'ignore' },
  );
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  after(() => child.kill('SIGKILL'));
  for (let tries = 0; tries < 200; tries++) {
    const up = await new Promise<boolean>((resolve) => {
      const probe = net.connect(sockets[1] as string, () => resolve(true));
      probe.on('error', () => resolve(false)).on('connect', () => probe.destroy());
    });
    if (up) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    sockets,
    stop: async () => {
      child.kill('SIGTERM');
      await gone;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Asks for each target on a connection of its own; the answers' heads. */
async function ask(socket: string, asked: readonly string[]): Promise<string[]> {
  const answers: string[] = [];
  for (const target of asked) {
    answers.push(
      await new Promise<string>((resolve, reject) => {
        let text = '';
        const connection = net.connect(socket, () => connection.write(`GET ${target} HTTP/1.0\r\n\r\n`, 'latin1'));
        connection.setEncoding('latin1');
        connection.on('data', (data: string) => {
          text += data;
        });
        connection.on('end', () => resolve(text)).on('error', reject);
      }),
    );
  }
  return answers;
}

test('nginx gives the same $uri and $args for 600 random targets', { skip, timeout: 60_000 }, async () => {
  const nginx = await startNginx(NGINX ?? '');
  try {
    const asked = [...PATHS.map(([target]) => target), ...fc.sample(targets, 600)];
    for (const [i, merge] of [true, false].entries()) {
      const answers = await ask(nginx.sockets[i] as string, asked);
      for (const [k, answer] of answers.entries()) {
        const target = asked[k] as string;
        const ours = normalizeTarget(target, merge);
        const head = /^HTTP\/1\.1 (\d+)[^\r]*\r\n([\s\S]*)\r\n\r\n/.exec(answer);
        assert.ok(head, target);
        // A path may hold line breaks, which nginx puts into the field as they are.
        const path = /(?:^|\r\n)X-Path: ([\s\S]*?)(?=\r\nX-Args|$)/.exec(head[2] as string)?.[1];
        const args = /\r\nX-Args: ([^\r]*)/.exec(head[2] as string)?.[1] ?? '';
        if (head[1] === '400') assert.equal(ours, null, target);
        else assert.deepEqual(ours, { path, args }, target);
      }
    }
  } finally {
    await nginx.stop();
  }
});

/**
 * Cache poisoning: after any request of an attacker, another client gets the response that it would have got without the attacker.
 * The application (`poisonable-application.ts`) trusts everything that a request contains.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Answer, closedPort, complete, connect, get, startProxy, type Target } from '../kit/index.js';
import { startNginx, stopNginx, unavailable } from '../oracle/nginx.js';
import { poisonableApplication } from './poisonable-application.js';
import { ATTACKS, type Attack } from './poisoning-requests.js';

const EXAMPLE = fileURLToPath(new URL('../../../conf/examples/cache.conf', import.meta.url));

/** The example of docs/cache.md, with free ports. */
function example(port: string, application: number): string {
  return readFileSync(EXAMPLE, 'utf8')
    .replaceAll('listen 8080', `listen 127.0.0.1:${port}`)
    .replace('127.0.0.1:3000', `127.0.0.1:${application}`)
    .replace('proxy_cache_path cache', 'proxy_cache_path %%DIR%%/cache');
}

/** A cache without precautions: what the documentation of nginx begins with. */
function plain(port: string, application: number): string {
  return `proxy_cache_path %%DIR%%/cache keys_zone=pages:1m;
    upstream app { server 127.0.0.1:${application}; keepalive 16; }
    server { listen 127.0.0.1:${port}; server_name www.example.com; location / { proxy_pass http://app; proxy_cache pages;
      proxy_cache_valid 200 301 302 1m; } }`;
}

/** Sends the request of an attacker, and waits until the proxy has answered or closed the connection. */
async function attack(target: Target, { bytes, isIncomplete }: Attack, path: string): Promise<void> {
  const connection = await connect(target);
  try {
    const sent = bytes(path);
    connection.send(sent);
    if (isIncomplete) connection.end();
    else if (!sent.includes('Connection: close')) connection.socket.once('data', () => connection.end());
    await connection.all();
  } finally {
    connection.close();
  }
}

function visit(target: Target, path: string): Promise<Answer> {
  return get(target, path, { fields: ['Host: www.example.com', 'User-Agent: victim'] });
}

/** What a client can tell of a response, with the path of every page replaced by the same one. */
function shown(answer: Answer, path: string): string {
  const fields = answer.fields.filter(([name]) => !/^(?:date|x-cache|server|connection|age|cache-status)$/i.test(name));
  return `${answer.status} ${JSON.stringify(fields)} ${answer.body}`.replaceAll(path, '/page/000');
}

/** Names of the attacks after which the victim's response is not the correct one. */
async function poisoned(target: Target): Promise<string[]> {
  const correct = shown(await visit(target, '/page/000'), '/page/000');
  assert.match(correct, /^200 .*GET\nhttp/s);
  const found: string[] = [];
  let next = 100;
  const worker = async () => {
    for (let i = next++; i - 100 < ATTACKS.length; i = next++) {
      const one = ATTACKS[i - 100];
      if (one === undefined) break;
      const path = `/page/${i}`;
      await attack(target, one, path);
      for (let visits = 0; visits < 2; visits++) {
        if (shown(await visit(target, path), path) !== correct && !found.includes(one.name)) found.push(one.name);
      }
    }
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
  return found.sort();
}

test('there are more than a hundred attacks, each once', () => {
  assert.ok(ATTACKS.length >= 100, String(ATTACKS.length));
  assert.equal(new Set(ATTACKS.map(({ name }) => name)).size, ATTACKS.length);
});

test('with the example configuration, no attack changes the response of another client', async (t) => {
  const application = await poisonableApplication();
  const proxy = await startProxy(example('0', application.port));
  t.after(async () => {
    await proxy.close();
    await application.close();
  });
  const { port } = proxy;
  assert.deepEqual(await poisoned(port), []);
  // The cache is in use.
  const before = application.requests.length;
  assert.equal((await visit(port, '/page/000')).field('x-cache'), 'HIT');
  assert.equal(application.requests.length, before);
});

test('all attacks on one page leave it as it is', async (t) => {
  const application = await poisonableApplication();
  const proxy = await startProxy(example('0', application.port));
  t.after(async () => {
    await proxy.close();
    await application.close();
  });
  const { port } = proxy;
  const correct = shown(await visit(port, '/page/000'), '/page/000');
  for (const one of ATTACKS) await attack(port, one, '/page/001');
  for (let visits = 0; visits < 2; visits++) assert.equal(shown(await visit(port, '/page/001'), '/page/001'), correct);
});

test('a client that waits for the response to an attack, or follows it, gets its own', async (t) => {
  const application = await poisonableApplication(5);
  const streamed = example('0', application.port).replace('proxy_cache_lock on;', 'proxy_cache_lock on stream;');
  const proxy = await startProxy(streamed);
  t.after(async () => {
    await proxy.close();
    await application.close();
  });
  const { port } = proxy;
  const correct = shown(await visit(port, '/page/000'), '/page/000');
  const wrong: string[] = [];
  const together = async (one: Attack, path: string) => {
    const attacked = attack(port, one, path);
    const answers: Answer[] = await Promise.all([visit(port, path), visit(port, path)]);
    await attacked;
    // What has been passed on of a response that is cut off cannot be taken back: its followers notice its end.
    const isCut = /^X-Provoke: (?:cut|cut-chunks|no-length-reset)$/.test(one.name);
    if (isCut) answers.length = 0;
    answers.push(await visit(port, path));
    if (answers.some((answer) => shown(answer, path) !== correct)) wrong.push(one.name);
  };
  for (let i = 0; i < ATTACKS.length; i += 10) {
    await Promise.all(ATTACKS.slice(i, i + 10).map((one, j) => together(one, `/page/${100 + i + j}`)));
  }
  assert.deepEqual(wrong, []);
});

test('without precautions, no attack succeeds that fails against nginx', { skip: unavailable }, async (t) => {
  const application = await poisonableApplication();
  const proxy = await startProxy(plain('0', application.port));
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-nginx-'));
  const port = await closedPort();
  const config = complete(plain(String(port), application.port), { DIR: directory });
  const nginx = await startNginx(directory, config, port);
  t.after(async () => {
    await stopNginx(nginx);
    rmSync(directory, { recursive: true, force: true });
    await proxy.close();
    await application.close();
  });
  const [here, there] = [await poisoned(proxy.port), await poisoned(port)];
  // Fields of proxies, which the application trusts.
  assert.ok(there.length > 10);
  assert.deepEqual(
    here.filter((name) => !there.includes(name)),
    [],
  );
});

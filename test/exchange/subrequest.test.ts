import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { custom } from '../../src/config/argument-types.js';
import { createProxy } from '../../src/index.js';
import type { Chunk } from '../../src/program/body.js';
import type { Exchange, Subrequest, SubrequestOptions, SubrequestSink } from '../../src/program/exchange.js';
import { defineModule } from '../../src/program/module.js';
import { DONE, NEXT } from '../../src/program/verdict.js';
import {
  answeringBackend,
  connect,
  get,
  type ReceivedRequest,
  reply,
  request,
  scriptedBackend,
  until,
} from '../kit/index.js';

/** Result of the last subrequest. */
interface Outcome {
  status: number;
  body: string;
  fields: string | undefined;
}

class Collecting implements SubrequestSink {
  readonly outcome: Outcome = { status: -1, body: '', fields: undefined };
  constructor(private readonly then: (outcome: Outcome) => void) {}
  chunk(chunk: Chunk): boolean {
    this.outcome.body += typeof chunk === 'string' ? chunk : chunk.latin1Slice();
    return true;
  }
  done(subrequest: Subrequest): void {
    this.outcome.status = subrequest.status;
    this.outcome.fields = subrequest.exchange.response.get('x-answer');
    this.then(this.outcome);
  }
}

/** `ask how uri` makes a subrequest before a location answers, and says in fields of the answer what it came to. */
const ask = defineModule({
  name: 'ask',
  doc: 'Makes a subrequest.',
  directives: {
    ask: {
      contexts: ['location'],
      takes: custom('how uri', 2, 2, (words) => words.map(({ text }) => text)),
      doc: 'Makes a subrequest.',
      example: 'ask head /auth;',
    },
  },
  phases: {
    precontent: {
      order: 0,
      compile({ ask }) {
        if (ask === undefined) return null;
        const [how = '', uri = ''] = ask;
        return (x) => {
          if (x.nested !== null) return NEXT;
          const begin = (options: Omit<SubrequestOptions, 'sink'>) => {
            const sink = new Collecting((outcome) => {
              if (options.background === true) return;
              x.response.add('X-Outcome', `${outcome.status} ${outcome.body} ${outcome.fields}`);
              x.resume(NEXT);
            });
            x.subrequest(uri, '', { sink, ...options });
          };
          if (how === 'background') {
            begin({ background: true, headOnly: true });
            return NEXT;
          }
          if (how === 'post') x.readBody(() => begin({ method: 'POST', body: true }));
          else begin({ headOnly: how === 'head' });
          return DONE;
        };
      },
    },
  },
});

async function start(t: TestContext, config: string): Promise<number> {
  const prefix = mkdtempSync(join(tmpdir(), 'tsproxy-test-'));
  const proxy = createProxy({
    config: `events {} http { access_log off; server { listen 127.0.0.1:0; ${config} } }`,
    prefix,
    modules: [ask],
    errorLog: () => {},
  });
  await proxy.start();
  t.after(async () => {
    await proxy.close();
    rmSync(prefix, { recursive: true, force: true });
  });
  return Number(proxy.addresses[0]?.split(':')[1]);
}

test('a subrequest tells its status, its body and its fields', async (t) => {
  const port = await start(
    t,
    `location /a { ask body /b; empty_gif; }
     location /b { internal; add_header X-Answer no; return 200 "$request_uri $uri $request_method"; }`,
  );
  const answer = await get(port, '/a?x', { method: 'GET' });
  assert.equal(answer.status, 200);
  // add_header is about answers that a client gets.
  assert.equal(answer.field('x-outcome'), '200 /a?x /b GET undefined');
});

test('a subrequest may want no body, and follows error pages', async (t) => {
  const backend = await answeringBackend(reply('denied', { status: '403 Forbidden', fields: ['X-Answer: yes'] }));
  t.after(() => backend.close());
  const port = await start(
    t,
    `location /a { ask head /b; empty_gif; }
     location /b { proxy_pass http://127.0.0.1:${backend.port}; }
     location /c { ask body /d; empty_gif; }
     location /d { error_page 404 =299 /e; return 404; }
     location /e { return 299 page; }`,
  );
  assert.equal((await get(port, '/a')).field('x-outcome'), '403  yes');
  assert.equal((await get(port, '/c')).field('x-outcome'), '299 page undefined');
});

test('a subrequest may take the body of the request along', async (t) => {
  const seen: ReceivedRequest[] = [];
  const backend = await answeringBackend((received) => {
    seen.push(received);
    return reply('ok');
  });
  t.after(() => backend.close());
  const port = await start(
    t,
    `location / { ask post /b; proxy_pass http://127.0.0.1:${backend.port}; }
     location /b { proxy_pass http://127.0.0.1:${backend.port}; }`,
  );
  const answer = await get(port, '/a', { method: 'PUT', body: 'hello' });
  assert.equal(answer.body, 'ok');
  assert.deepEqual(
    seen.map(({ method, target, body }) => `${method} ${target} ${body}`),
    ['POST /b hello', 'PUT /a hello'],
  );
});

test('the answer does not wait for a subrequest in the background, the next request does', async (t) => {
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  const backend = await answeringBackend(async () => {
    await held;
    return reply('late');
  });
  t.after(() => backend.close());
  const port = await start(
    t,
    `location /mirrored { ask background /b; empty_gif; }
     location /gif { empty_gif; }
     location /b { proxy_pass http://127.0.0.1:${backend.port}; }`,
  );
  const client = await connect(port);
  t.after(() => client.close());
  client.send(request('/mirrored', { fields: ['Connection: keep-alive'] }));
  assert.equal((await client.answer()).status, 200);
  client.send(request('/gif'));
  await until('the mirror was asked', () => backend.requests.length === 1);
  assert.equal(client.reader.pending, '');
  release();
  assert.equal((await client.answer()).status, 200);
});

test('a subrequest in the background ends with a request that ends early', async (t) => {
  const mirror = await scriptedBackend(async (connection) => {
    await connection.reader.all();
    connection.end();
  });
  const backend = await scriptedBackend(async (connection) => {
    await connection.reader.all();
    connection.end();
  });
  t.after(() => Promise.all([mirror.close(), backend.close()]));
  const port = await start(
    t,
    `location /a { ask background /b; proxy_pass http://127.0.0.1:${backend.port}; }
     location /b { proxy_pass http://127.0.0.1:${mirror.port}; }`,
  );
  const client = await connect(port);
  client.send(request('/a'));
  await until('both were asked', () => mirror.open === 1 && backend.open === 1);
  client.reset();
  await until('both were let go of', () => mirror.open === 0 && backend.open === 0);
});

test('return 444 in a subrequest closes the connection of the client', async (t) => {
  const port = await start(t, 'location /a { ask body /b; empty_gif; } location /b { return 444; }');
  const client = await connect(port);
  assert.equal(await client.send(request('/a')).all(), '');
});

test('an exchange knows what it is part of', async (t) => {
  const found: (Exchange | null)[] = [];
  const spy = defineModule({
    name: 'spy',
    doc: 'Looks.',
    directives: {},
    phases: {
      log: {
        order: 0,
        compile: () => (x) => {
          found.push(x.nested?.parent ?? null);
          return NEXT;
        },
      },
    },
  });
  const proxy = createProxy({
    config: `events {} http { access_log off; server { listen 127.0.0.1:0;
      location /a { ask body /b; empty_gif; } location /b { log_subrequest on; return 204; } } }`,
    modules: [ask, spy],
    errorLog: () => {},
  });
  await proxy.start();
  t.after(() => proxy.close());
  await get(Number(proxy.addresses[0]?.split(':')[1]), '/a');
  await until('both were logged', () => found.length === 2);
  assert.equal(found[0]?.uri, '/a');
  assert.equal(found[1], null);
});

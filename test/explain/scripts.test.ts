/** Explanations of requests that functions of scripts handle. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { explain } from '../../src/index.js';
import { listening } from '../kit/index.js';

const STATE = '{"visits":{"value":7}}';

test('an explanation lists the functions that run; it sends no fetches, changes no state file, and calls nothing periodically', async (t) => {
  let requests = 0;
  const server = createServer((_req, res) => {
    requests++;
    res.end('fetched');
  });
  const port = await listening(t, server);
  const prefix = mkdtempSync(join(tmpdir(), 'tsproxy-explain-'));
  t.after(() => rmSync(prefix, { recursive: true, force: true }));
  writeFileSync(join(prefix, 'state.json'), STATE);
  writeFileSync(
    join(prefix, 'main.js'),
    `export const allow = () => {};
     export const tenant = () => 'visits ' + ngx.shared.hits.incr('visits', 1);
     export const observe = () => { throw new Error('observed'); };
     export const tick = () => { throw new Error('periodic'); };
     export async function content(r) {
       const fetched = await ngx.fetch('http://127.0.0.1:${port}/x').then((response) => response.text(), (error) => error.message);
       r.return(200, r.variables.tenant + ', ' + fetched);
     }`,
  );
  const { steps, answer } = await explain(
    `events {}
     http {
       js_import main.js;
       js_shared_dict_zone zone=hits:32k type=number state=${prefix}/state.json;
       js_set $tenant main.tenant;
       server {
         listen 8080;
         location / { js_access main.allow; js_observe main.observe; js_content main.content; }
         location @periodic { js_periodic main.tick interval=1ms; }
       }
     }`,
    'http://localhost:8080/',
    { prefix },
  );
  const logged = steps.flatMap((step) => (step.kind === 'log' ? [step.message] : []));
  assert.deepEqual(logged, [
    '"js_access" calls "main.allow"',
    '"js_content" calls "main.content"',
    `ngx.fetch("http://127.0.0.1:${port}/x") is not sent`,
    '"js_set" calls "main.tenant"',
  ]);
  assert.equal(answer?.body, 'visits 8, not sent: the request is only explained');
  assert.equal(requests, 0);
  assert.equal(readFileSync(join(prefix, 'state.json'), 'utf8'), STATE);
});

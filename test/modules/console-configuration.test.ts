/** Configurations in the console: texts with findings, differences, explanations, and checked reloads. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createProxy, type ReverseProxy } from '../../src/index.js';
import { get } from '../kit/index.js';
import { ask, problemsOf, tokenField } from './console-client.js';

/** A proxy with a configuration file that includes another. */
class Scene {
  private constructor(
    readonly directory: string,
    readonly proxy: ReverseProxy,
  ) {}

  static async open(t: TestContext, servers: string, files: Readonly<Record<string, string>> = {}): Promise<Scene> {
    const directory = mkdtempSync(join(tmpdir(), 'tsproxy-console-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const proxy = createProxy({ file: join(directory, 'nginx.conf'), prefix: directory, errorLog: () => {} });
    const scene = new Scene(directory, proxy);
    scene.write('nginx.conf', 'events {}\nhttp {\n  include servers/*.conf;\n}\n');
    mkdirSync(join(directory, 'servers'));
    scene.servers(servers);
    for (const [name, text] of Object.entries(files)) scene.write(name, text);
    await proxy.start();
    t.after(() => proxy.close());
    return scene;
  }

  get port(): number {
    return Number(new URL(this.proxy.url).port);
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.directory, name), text);
  }

  servers(text: string): void {
    this.write('servers/main.conf', text);
  }
}

const SERVER = (directives: string): string => `server {
  listen 127.0.0.1:0;
  location /console/ { console control=on; }
  ${directives}
}
`;

test('the running texts are shown with findings at their lines, and without secrets', async (t) => {
  const scene = await Scene.open(
    t,
    SERVER(
      'location /api { proxy_set_header Authorization "Bearer s3cr3t-t0ken"; proxy_pass http://127.0.0.1:1; }\n  server_tokens on;',
    ),
  );
  const { status, body } = await ask(scene.port, 'config');
  assert.equal(status, 200);
  assert.equal(body.generation, 1);
  assert.equal(body.changedOnDisk, false);
  const main = join(scene.directory, 'servers/main.conf');
  assert.deepEqual(
    body.texts.map(({ file, omitted }: { file: string; omitted: number }) => [file, omitted]),
    [
      [join(scene.directory, 'nginx.conf'), 0],
      [main, 0],
    ],
  );
  assert.match(body.texts[1].text, /proxy_set_header Authorization "\[redacted\]";/);
  assert.doesNotMatch(JSON.stringify(body), /s3cr3t/);
  // A lint, which the check of a reload does not run.
  const disclosure = body.findings.find(({ code }: { code: string }) => code === 'version-disclosure');
  assert.deepEqual([disclosure?.at.file, disclosure?.at.line], [main, 5]);
  scene.servers(SERVER('location /new { return 204; }'));
  const changed = await ask(scene.port, 'config');
  assert.equal(changed.body.changedOnDisk, true);
  assert.match(changed.body.texts[1].text, /location \/api/);
});

test('a request is explained by the running configuration, not by the files as they are now', async (t) => {
  const scene = await Scene.open(
    t,
    SERVER('location /api/ { proxy_set_header X-Api-Key s3cr3t-key; proxy_pass http://127.0.0.1:1/; }'),
  );
  scene.servers(SERVER('location /other { return 204; }'));
  const { status, body } = await ask(scene.port, 'explain', {
    request: 'GET /api/users',
    fields: ['Accept: text/html'],
    from: '192.0.2.7',
  });
  assert.equal(status, 200);
  assert.match(body.text, /location \/api\//);
  assert.match(body.text, /from 192\.0\.2\.7/);
  assert.match(body.explanation.upstreams[0].requests[0].head, /^GET \/users HTTP\/1\.[01]\r\n/);
  assert.match(body.explanation.upstreams[0].requests[0].head, /X-Api-Key: \[redacted\]/i);
  assert.doesNotMatch(JSON.stringify(body), /s3cr3t/);
  // It was not a request: nothing is counted.
  const state = await ask(scene.port, 'state');
  assert.equal(state.body.requests.statuses['5xx'], 0);
  const mistake = await ask(scene.port, 'explain', { request: 'GET\nx' });
  assert.deepEqual([mistake.status, mistake.body.error.code], [400, 'BadBody']);
  const unknown = await ask(scene.port, 'explain', { request: 'GET /', listen: '192.0.2.1:9' });
  assert.deepEqual([unknown.status, unknown.body.error.code], [400, 'CannotAnswer']);
});

test('functions of scripts are not called to explain a request', async (t) => {
  const scene = await Scene.open(t, '', {
    'main.js': 'export default { hello: (r) => r.return(200, String(++globalThis.calls)) }; globalThis.calls ??= 0;',
    'servers/main.conf': `js_import main from main.js;\n${SERVER('location /js { js_content main.hello; }')}`,
  });
  assert.equal((await get(scene.port, '/js')).body, '1');
  const { status, body } = await ask(scene.port, 'explain', { request: 'GET /js' });
  assert.equal(status, 400);
  assert.match(body.error.text, /scripts would run in the master process/);
  assert.equal((await get(scene.port, '/js')).body, '2');
});

test('differences between generations are shown in words and as lines', async (t) => {
  const scene = await Scene.open(t, SERVER('location /a { return 200 one; }'));
  scene.servers(SERVER('location /a { return 200 two; } location /b { return 204; }'));
  await scene.proxy.reload();
  const list = await ask(scene.port, 'generations');
  assert.deepEqual(
    list.body.map(({ generation, files }: { generation: number; files: string[] }) => [generation, files.length]),
    [
      [1, 2],
      [2, 2],
    ],
  );
  const { status, body } = await ask(scene.port, 'diff?from=1&to=2');
  assert.equal(status, 200);
  assert.match(body.changes.join('\n'), /added location \/b/);
  assert.match(body.texts, /^-.*return 200 one;/m);
  assert.match(body.texts, /^\+.*location \/b/m);
  assert.equal((await ask(scene.port, 'diff?from=1&to=9')).status, 400);
  assert.equal((await ask(scene.port, 'diff?from=x')).status, 400);
});

test('a broken configuration is refused with its findings and code frames, and changes nothing', async (t) => {
  const scene = await Scene.open(t, SERVER('location /a { return 200 one; }'));
  const token = await tokenField(scene.port);
  scene.servers(SERVER('location /a { retrun 200 "s3cr3t"; proxy_set_header Cookie "id=s3cr3t; x'));
  const refused = await ask(scene.port, 'reload', {}, [token]);
  assert.equal(refused.status, 422);
  assert.equal(refused.body.generation, null);
  assert.ok(refused.body.findings.length > 0);
  assert.match(refused.body.rendered, /servers\/main\.conf:4:/);
  assert.match(refused.body.rendered, /\n4 \| {3}location \/a/);
  assert.match(refused.body.rendered, /\^\^/);
  assert.equal((await get(scene.port, '/a')).body, 'one');
  const { body } = await ask(scene.port, 'state');
  assert.equal(body.generation, 1);
  assert.equal(body.reloads[0].generation, null);
  assert.match(problemsOf(body)[0]?.text ?? '', /^The last reload was refused: /);

  scene.servers(SERVER('location /a { return 200 two; }'));
  const applied = await ask(scene.port, 'reload', {}, [token]);
  assert.deepEqual([applied.status, applied.body.generation], [200, 2]);
  assert.equal((await get(scene.port, '/a')).body, 'two');
  const after = await ask(scene.port, 'state');
  assert.deepEqual(problemsOf(after.body), []);
  assert.deepEqual(
    after.body.reloads.map(({ generation, cause }: { generation: number; cause: string }) => [generation, cause]),
    [
      [2, 'reload'],
      [null, 'reload'],
      [1, 'start'],
    ],
  );
});

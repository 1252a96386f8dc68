/**
 * Reloads that change a module of scripts, under load: requests that failed, WebSockets that closed, and the heap after a
 * collection.
 *
 *   node dist/bench/script-reloads.js [reloads]
 *
 * The proxy runs in this process. Prints the heap after 50 reloads and after all (200), and the difference in percent.
 */
import { writeFileSync } from 'node:fs';
import { collectGarbage, get, startProxy, websocket, websocketEcho } from '../test/kit/index.js';

const reloads = Number(process.argv[2] ?? 200);
const printLine = (text: string): void => void process.stdout.write(`${text}\n`);

/** A module of 100 KB, whose version is part of each response. */
function moduleText(version: number): string {
  const table = Array.from({ length: 2000 }, (_, i) => `  'key ${i}': ${i + version},`).join('\n');
  return `const table: Record<string, number> = {\n${table}\n};
    setInterval(() => Object.keys(table).length, 60_000);
    const variable = (): string => 'v${version}';
    async function hello(r: any): Promise<void> {
      await new Promise((resolve) => setTimeout(resolve, 2));
      r.return(200, 'v${version}');
    }
    export default { variable, hello };\n`;
}

const backend = await websocketEcho();
const text = `js_import main from %%DIR%%/main.ts; js_set $version main.variable; access_log off;
  server { listen 127.0.0.1:0;
    location / { add_header X-Version $version; js_content main.hello; }
    location /ws { proxy_pass http://127.0.0.1:${backend.port}; proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; } }`;
const proxy = await startProxy(text, {}, { files: { 'main.ts': moduleText(0) } });
const client = await websocket(proxy.port, '/ws');
let closed = false;
void client.closed.then(() => {
  closed = true;
});

let requests = 0;
let failures = 0;
let ended = false;
async function load(): Promise<void> {
  while (!ended) {
    requests++;
    const answer = await get(proxy.port).catch(() => null);
    if (answer?.status !== 200 || answer.body[0] !== 'v' || answer.field('x-version')?.[0] !== 'v') failures++;
  }
}
const clients = [load(), load(), load(), load()];

async function heap(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    collectGarbage();
  }
  return process.memoryUsage().heapUsed;
}

let before = 0;
for (let version = 1; version <= reloads; version++) {
  writeFileSync(`${proxy.directory}/main.ts`, moduleText(version));
  await proxy.reload(text);
  if (version === Math.min(50, reloads)) before = await heap();
}
const after = await heap();
const survived = !closed && (await client.ask('still there')) === 'still there';
ended = true;
await Promise.all(clients);
const mib = (bytes: number): string => `${(bytes / (1 << 20)).toFixed(1)} MiB`;
printLine(
  `${reloads} reloads, ${requests} requests, ${failures} failed; the WebSocket ${survived ? 'is open' : 'closed'}`,
);
printLine(
  `heap: ${mib(before)} after 50 reloads, ${mib(after)} at the end: ${((after / before - 1) * 100).toFixed(1)} %`,
);
await client.close();
await proxy.close();
await backend.close();
process.exit(failures === 0 && survived ? 0 : 1);

/** The page of the console in a browser, for tests: its proxy with back ends, and what the page shows. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import type { Browser, Page } from 'puppeteer-core';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { launch, Prefix, type Running } from '../cli/running.js';
import { closedPort, until } from '../kit/index.js';
import { ROOT } from '../structure/sources.js';

type Test = { after(fn: () => void | Promise<void>): void };

const USER = 'operator';
const PASSWORD = 'correct horse';

/** A proxy with a console at `/console/` that needs a password, an echo server for WebSockets, and a stream of events. */
export interface Site {
  readonly port: number;
  readonly proxy: Running;
  /** Configuration with this text in its server. */
  configuration(extra: string): string;
}

/** WebSocket server that echoes with compression, sends an event each 50 ms to requests for `/events`, and `ok` to others. */
async function backEnd(t: Test): Promise<number> {
  const server = createServer((request, response) => {
    if (request.url !== '/events') {
      response.end('ok');
      return;
    }
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    let count = 0;
    const timer = setInterval(() => response.write(`id: ${++count}\nevent: tick\ndata: {"count":${count}}\n\n`), 50);
    response.on('close', () => clearInterval(timer));
  });
  const sockets = new WebSocketServer({ server, perMessageDeflate: { threshold: 100 } });
  sockets.on('connection', (socket) => {
    socket.on('error', () => socket.terminate());
    socket.on('message', (data: RawData, binary) => socket.send(data as Buffer, { binary }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const client of sockets.clients) client.terminate();
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** `parameters` of `console`. */
export async function startSite(t: Test, parameters = 'control=on'): Promise<Site> {
  const upstream = await backEnd(t);
  const port = await closedPort();
  const configuration = (extra: string): string => `pid nginx.pid;
events {}
http {
  proxy_cache_path cache keys_zone=pages:64k;
  upstream echo { zone echo 64k; server 127.0.0.1:${upstream}; }
  server {
    listen 127.0.0.1:${port};
    location /console/ {
      auth_basic console;
      auth_basic_user_file users;
      console ${parameters};
      console_payload on;
      console_replay on;
    }
    location /item/ { return 200 "an item\\n"; }
    location /missing/ { return 404; }
    location /socket { proxy_pass http://echo; proxy_websocket on; }
    location /events { proxy_pass http://echo; }
    location /plain { proxy_pass http://echo; }
    location /cached { proxy_pass http://echo; proxy_cache pages; proxy_cache_key $uri; proxy_cache_valid 1h; }
    ${extra}
  }
}
`;
  const proxy = launch(t, new Prefix(t, configuration('')));
  // Read when the first request has credentials.
  proxy.prefix.write('users', `${USER}:{PLAIN}${PASSWORD}\n`);
  await until('the proxy serves', () => proxy.prefix.read('nginx.pid') !== '');
  return { port, proxy, configuration };
}

/** Errors of scripts and violations of the policy, by page. */
const errors = new WeakMap<Page, string[]>();

/** Opens the page at a view. */
export async function openPage(browser: Browser, site: Site, view: string): Promise<Page> {
  const page = await browser.newPage();
  await page.setViewport({ width: 1400, height: 900 });
  const reported: string[] = [];
  errors.set(page, reported);
  page.on('pageerror', (error) => void reported.push(String(error)));
  page.on('console', (message) => {
    // Statuses of responses are shown by the views.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      reported.push(message.text());
  });
  await page.authenticate({ username: USER, password: PASSWORD });
  await page.goto(`http://127.0.0.1:${site.port}/console/#/${view}`);
  await page.waitForFunction(`document.querySelector('.live')?.textContent === 'live'`);
  return page;
}

/** Closes a page in which no script has failed. */
export async function closePage(page: Page): Promise<void> {
  await page.close();
  assert.deepEqual(errors.get(page), []);
}

/** Shows a view within the page. */
export async function show(page: Page, view: string): Promise<void> {
  await page.evaluate(`location.hash = '#/${view}'`);
}

/** Waits until an expression of the page's JavaScript is true. */
export async function shows(page: Page, expression: string): Promise<void> {
  try {
    await page.waitForFunction(expression, { polling: 50, timeout: 20_000 });
  } catch {
    const text = String(await page.evaluate(`document.body.innerText`)).slice(0, 3000);
    throw new Error(`the page does not satisfy ${expression}:\n${text}`);
  }
}

/** Texts of the visible rows of a list, cell by cell, in order. */
export async function rowsOf(page: Page, list: string): Promise<string[][]> {
  return (await page.evaluate(`[...document.querySelectorAll('.list-${list} .list-body .list-row')]
    .filter((row) => !row.hidden)
    .sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)
    .map((row) => [...row.children].filter((cell) => !cell.hidden).map((cell) => cell.textContent))`)) as string[][];
}

/** Sends again until the list has a row: the subscription has to arrive first. */
export async function untilRows(page: Page, list: string, send: () => void): Promise<void> {
  const deadline = Date.now() + 20_000;
  while ((await rowsOf(page, list)).length === 0) {
    if (Date.now() > deadline) throw new Error(`the list ${list} has no row`);
    send();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Selects a row by its text. */
export async function clickRow(page: Page, list: string, text: string): Promise<void> {
  const row = `[...document.querySelectorAll('.list-${list} .list-body .list-row')]
    .find((row) => !row.hidden && row.textContent.includes(${JSON.stringify(text)}))`;
  await shows(page, `${row} !== undefined`);
  await page.evaluate(`${row}.click()`);
}

/** Presses a button by its text. */
export async function press(page: Page, text: string, within = 'body'): Promise<void> {
  const button = `[...document.querySelectorAll(${JSON.stringify(`${within} button`)})]
    .find((button) => button.textContent === ${JSON.stringify(text)} && button.offsetParent !== null)`;
  await shows(page, `${button} !== undefined`);
  await page.evaluate(`${button}.click()`);
}

/** Replaces the text of an input. */
export async function type(page: Page, selector: string, text: string): Promise<void> {
  await page.evaluate(`{
    const input = document.querySelector(${JSON.stringify(selector)});
    input.value = ${JSON.stringify(text)};
    input.dispatchEvent(new Event('input'));
  }`);
}

/** Presses an export button, and reads the file. */
export async function exported(page: Page, directory: string, button: string, within: string): Promise<string> {
  const session = await page.createCDPSession();
  await session.send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: directory });
  const before = new Set(readdirSync(directory));
  await press(page, button, within);
  const created = (): string | undefined =>
    readdirSync(directory).find((name) => !before.has(name) && /\.(?:har|jsonl)$/.test(name));
  await until('the file is saved', () => created() !== undefined);
  return readFileSync(join(directory, created() ?? ''), 'utf8');
}

/** Accessibility problems that axe-core finds. */
export async function violations(page: Page): Promise<string[]> {
  const axe = readFileSync(join(ROOT, 'node_modules/axe-core/axe.min.js'), 'utf8');
  return (await page.evaluate(`${axe}; axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
    violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html.slice(0, 120)).join(' ')))`)) as string[];
}

/** A WebSocket through the proxy, whose frames have a fixed masking key. */
export function connect(t: Test, { port }: Site, path: string, compressed = false): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, {
    perMessageDeflate: compressed ? { threshold: 100 } : false,
    generateMask: (mask) => void mask.set([0x0a, 0x1b, 0x2c, 0x3d]),
  });
  t.after(() => socket.terminate());
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.once('open', () => resolve(socket));
  });
}

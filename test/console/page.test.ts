/** The page of the console in a real browser. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import type { Browser } from 'puppeteer-core';
import { noBrowser, browser as startBrowser } from '../kit/browser.js';
import { get } from '../kit/index.js';
import {
  clickRow,
  closePage,
  connect,
  exported,
  openPage,
  press,
  rowsOf,
  type Site,
  show,
  shows,
  startSite,
  type,
  untilRows,
  violations,
} from './console-page.js';
import { harErrors } from './har-schema.js';

const ends: (() => void | Promise<void>)[] = [];
let site: Site;
let browser: Browser;

before(async () => {
  if (noBrowser) return;
  const context = { after: (fn: () => void | Promise<void>) => void ends.push(fn) };
  site = await startSite(context);
  browser = await startBrowser(context);
});
after(async () => {
  for (const end of ends.reverse()) await end();
});

/** Whether the list shows this number of filtered rows. */
const statusOf = (rows: number): string =>
  `document.querySelector('.list-status')?.textContent.startsWith('${rows} of ')`;

const status = (text: string): string =>
  `document.querySelector('.list-status')?.textContent === ${JSON.stringify(text)}`;

test('the page and the feed need the password', { skip: noBrowser }, async () => {
  assert.equal((await get(site.port, '/console/')).status, 401);
  assert.equal((await get(site.port, '/console/page.js')).status, 401);
});

test('requests are listed, filtered, paused and explained; details show their heads', { skip: noBrowser }, async () => {
  const page = await openPage(browser, site, 'http');
  // The requests of the page itself are traffic, too.
  await type(page, '.filter', '-path:/console/');
  for (let i = 0; i < 190; i++) await get(site.port, `/item/${i}`);
  for (let i = 0; i < 10; i++) await get(site.port, `/missing/${i}`);
  await shows(page, statusOf(200));
  await shows(page, `![...document.querySelectorAll('.list-http .status')].some((cell) => cell.textContent === '…')`);
  // The list has stayed at its end.
  const last = (await rowsOf(page, 'http')).at(-1) ?? [];
  assert.deepEqual([last[1], last[2], last[4]], ['GET', '404', '/missing/9']);

  await type(page, '.filter', 'status:4xx -path:/missing/9');
  await shows(page, statusOf(9));
  await type(page, '.filter', 'item/17');
  await shows(page, statusOf(11));
  await type(page, '.filter', '-path:/console/');
  await shows(page, statusOf(200));

  await page.keyboard.press('p');
  for (let i = 0; i < 5; i++) await get(site.port, `/item/paused-${i}`);
  await shows(page, status('paused · 5 new'));
  assert.ok((await rowsOf(page, 'http')).every((row) => !row.join().includes('paused')));
  await page.keyboard.press('p');
  await shows(page, statusOf(205));

  // Rows do not move while the list is scrolled away from its end.
  await page.evaluate(`document.querySelector('.list-http').scrollTop = 240`);
  await shows(page, `document.querySelector('.to-end').offsetParent !== null`);
  const before = (await rowsOf(page, 'http')).map((row) => row[4]);
  await (await fetch(`http://127.0.0.1:${site.port}/item/later`)).text();
  await shows(page, statusOf(206));
  assert.deepEqual(
    (await rowsOf(page, 'http')).map((row) => row[4]),
    before,
  );
  await press(page, '↓ Follow');
  await clickRow(page, 'http', '/item/later');
  // The head as it was received, and the reason for the location.
  await shows(page, `document.querySelector('.head-line')?.textContent === 'GET /item/later HTTP/1.1'`);
  await shows(page, `document.querySelector('.details').textContent.includes('Location/item/')`);
  // Over HTTP, pages of other hosts than localhost have no `navigator.clipboard`.
  for (const [button, clipboard] of [
    ['Copy as curl', '{ writeText: async (text) => { copied = text; } }'],
    ['Copied', 'undefined'],
  ] as const) {
    await page.evaluate(`{
      globalThis.copied = null;
      Object.defineProperty(navigator, 'clipboard', { value: ${clipboard}, configurable: true });
      document.addEventListener('copy', ({ target }) => { copied = target.value; }, { once: true });
    }`);
    await press(page, button);
    await shows(page, 'copied !== null');
    const command = String(await page.evaluate('copied'));
    assert.ok(command.startsWith(`curl http://127.0.0.1:${site.port}/item/later -H `), command);
  }
  assert.deepEqual(await violations(page), []);
  await closePage(page);
});

test('frames are shown exactly as sent, searched, and exported as a valid HTTP archive', {
  skip: noBrowser,
}, async (t) => {
  const sockets = await Promise.all(Array.from({ length: 20 }, (_, i) => connect(t, site, `/socket?n=${i}`, i === 7)));
  const [, , , socket] = sockets;
  assert.ok(socket !== undefined);
  const page = await openPage(browser, site, 'websockets');
  await shows(page, status('20'));
  await clickRow(page, 'tunnels', '/socket?n=3');
  await shows(page, `document.querySelector('.list-frames') !== null`);
  // The subscription has arrived when a frame is shown.
  await untilRows(page, 'frames', () => socket.send('first'));
  socket.send('{"order":{"id":7,"items":["a","b"]}}');
  socket.send(Buffer.from([0, 1, 0xfe, 0xff]));
  socket.send('one ', { fin: false });
  socket.send('two', { fin: true });
  socket.ping('are you there');
  socket.send('the last one');
  await shows(
    page,
    `[...document.querySelectorAll('.list-frames .payload')].filter((cell) => cell.textContent === 'the last one').length === 2`,
  );
  const rows = (await rowsOf(page, 'frames')).map(([, , direction, opcode, length, fin, mask, , payload]) =>
    [direction, opcode, length, fin, mask, payload].join('|'),
  );
  const expected = [
    '↑|text|36|fin|0a1b2c3d|{"order":{"id":7,"items":["a","b"]}}',
    '↑|binary|4|fin|0a1b2c3d|00 01 fe ff ',
    '↑|text|4||0a1b2c3d|one ',
    '↑|cont|3|fin|0a1b2c3d|two',
    '↑|ping|13|fin|0a1b2c3d|are you there',
    '↓|pong|13|fin||are you there',
    '↓|text|7|fin||one two',
    '↓|binary|4|fin||00 01 fe ff ',
  ];
  assert.deepEqual(
    expected.filter((row) => !rows.includes(row)),
    [],
    rows.join('\n'),
  );

  await clickRow(page, 'frames', '"order"');
  await shows(page, `document.querySelector('.json')?.textContent.includes('items: [2]')`);
  await press(page, 'Hex', '.selection');
  await shows(page, `document.querySelector('.hex-line')?.textContent.startsWith('00000000  7b 22 6f 72')`);
  await press(page, 'Text', '.selection');
  await shows(page, `document.querySelector('.payload-text')?.textContent === '{"order":{"id":7,"items":["a","b"]}}'`);
  assert.deepEqual(await violations(page), []);
  await page.keyboard.press('Escape');

  await press(page, 'Pings', '.frame-panel');
  await shows(
    page,
    `![...document.querySelectorAll('.list-frames .list-body .list-row')].some((row) => !row.hidden && row.textContent.includes('are you there'))`,
  );
  await press(page, 'Pings', '.frame-panel');
  await type(page, '.frame-panel .filter', 'order from:client');
  await shows(page, `document.querySelector('.frame-panel .list-status').textContent.startsWith('1 of')`);
  await type(page, '.frame-panel .filter', '');

  await press(page, 'Messages');
  await shows(
    page,
    `[...document.querySelectorAll('.list-messages .payload')].filter((cell) => cell.textContent === 'one two').length === 2`,
  );

  const har = JSON.parse(await exported(page, site.proxy.prefix.path, 'HAR', '.details')) as Har;
  assert.deepEqual(harErrors(har), []);
  assert.equal(har.log.entries.length, 1);
  const [entry] = har.log.entries;
  assert.equal(entry?._resourceType, 'websocket');
  const sent = entry?._webSocketMessages?.filter(({ type, data }) => type === 'send' && data !== 'first') ?? [];
  assert.deepEqual(
    sent.map(({ opcode, data }) => [opcode, data]),
    [
      [1, '{"order":{"id":7,"items":["a","b"]}}'],
      [2, 'AAH+/w=='],
      [1, 'one two'],
      [1, 'the last one'],
    ],
  );
  const lines = await exported(page, site.proxy.prefix.path, 'JSON lines', '.details');
  const frames = lines
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as { type: string; opcode?: number });
  assert.ok(frames.some(({ type, opcode }) => type === 'frame' && opcode === 9));
  await closePage(page);
});

interface Har {
  readonly log: {
    readonly entries: readonly {
      readonly _resourceType: string;
      readonly _webSocketMessages?: readonly {
        readonly type: string;
        readonly opcode: number;
        readonly data: string;
      }[];
    }[];
  };
}

test('compressed frames are shown as sent, and their messages decompressed', { skip: noBrowser }, async (t) => {
  const socket = await connect(t, site, '/socket?compressed', true);
  const page = await openPage(browser, site, 'websockets');
  await clickRow(page, 'tunnels', '/socket?compressed');
  await shows(page, `document.querySelector('.list-frames') !== null`);
  const text = `compressed ${'x'.repeat(500)}`;
  await untilRows(page, 'frames', () => socket.send(text));
  const [row] = await rowsOf(page, 'frames');
  assert.equal(row?.[7], 'deflate');
  assert.ok(Number(row?.[4]) < 100, `length ${row?.[4]}`);
  await press(page, 'Messages');
  await clickRow(page, 'messages', 'compressed xxx');
  await shows(page, `document.querySelector('.payload-text')?.textContent === ${JSON.stringify(text)}`);
  await closePage(page);
});

test('events of a stream are shown', { skip: noBrowser }, async (t) => {
  const page = await openPage(browser, site, 'sse');
  const request = fetch(`http://127.0.0.1:${site.port}/events`);
  t.after(async () => (await request).body?.cancel());
  await clickRow(page, 'streams', '/events');
  await shows(page, `document.querySelectorAll('.list-events .list-body .list-row:not([hidden])').length > 1`);
  const [row] = await rowsOf(page, 'events');
  assert.equal(row?.[2], 'tick');
  assert.match(row?.[5] ?? '', /^\{"count":\d+\}$/);
  await closePage(page);
});

test('a WebSocket is closed with a code and a reason', { skip: noBrowser }, async (t) => {
  const socket = await connect(t, site, '/socket?closing');
  const closed = once(socket, 'close');
  const page = await openPage(browser, site, 'websockets');
  await clickRow(page, 'tunnels', '/socket?closing');
  await press(page, 'Close …');
  await type(page, 'dialog [name=code]', '1012');
  await type(page, 'dialog [name=reason]', 'maintenance');
  await press(page, 'Close the WebSocket');
  const [code, reason] = await closed;
  assert.deepEqual([code, String(reason)], [1012, 'maintenance']);
  await shows(page, `document.querySelector('.tunnel-title')?.textContent.startsWith('closed 1012')`);
  await closePage(page);
});

test('a request is sent once more', { skip: noBrowser }, async () => {
  const page = await openPage(browser, site, 'http');
  await get(site.port, '/plain?again');
  await clickRow(page, 'http', '/plain?again');
  await press(page, 'Replay …');
  await press(page, 'Replay', 'dialog');
  await shows(
    page,
    `/^200 from 127\\.0\\.0\\.1:\\d+ after .*, 2 B/.test(document.querySelector('dialog .form-result')?.textContent)`,
  );
  await shows(page, `document.querySelector('dialog pre')?.textContent === 'ok'`);
  await closePage(page);
});

test('a broken configuration is refused with its code frame, and a valid one is put in force', {
  skip: noBrowser,
}, async () => {
  const page = await openPage(browser, site, 'configuration');
  await shows(page, `document.querySelector('.files')?.textContent.includes('location /item/')`);
  site.proxy.prefix.write('nginx.conf', site.configuration('proxy_pas http://127.0.0.1;'));
  await press(page, 'Check and reload');
  await shows(page, `document.querySelector('dialog h2')?.textContent === 'The configuration was refused'`);
  const frames = String(await page.evaluate(`document.querySelector('.code-frames').textContent`));
  assert.match(frames, /unknown directive "proxy_pas".*\d+ \|\s+proxy_pas http:.*\^{9}.*did you mean "proxy_pass"/s);
  await page.keyboard.press('Escape');
  site.proxy.prefix.write('nginx.conf', site.configuration('location /new/ { return 204; }'));
  await press(page, 'Check and reload');
  await shows(page, `document.querySelector('dialog h2')?.textContent === 'Generation 2 is in force'`);
  await page.keyboard.press('Escape');
  await shows(page, `document.querySelector('.files')?.textContent.includes('location /new/')`);
  await show(page, 'configuration/changes');
  await shows(
    page,
    `[...document.querySelectorAll('.diff-line.is-added')].some((line) => line.textContent.includes('location /new/'))`,
  );
  await show(page, 'configuration/explain');
  await type(page, '[name=request]', `GET http://127.0.0.1:${site.port}/new/`);
  await press(page, 'Explain', '.explain');
  await shows(page, `document.querySelector('.explanation pre')?.textContent.includes('return 204')`);
  await show(page, 'overview');
  await shows(page, `document.querySelector('.reloads')?.textContent.includes('proxy_pas')`);
  await shows(page, `document.querySelector('.peers')?.textContent.includes('echo')`);
  await closePage(page);
});

test('stored responses are listed, and removed', { skip: noBrowser }, async () => {
  for (const path of ['/cached/1', '/cached/2']) await get(site.port, path);
  const page = await openPage(browser, site, 'cache');
  const keys = `[...document.querySelectorAll('tbody code')].map((cell) => cell.textContent).sort().join()`;
  await shows(page, `${keys} === '/cached/1,/cached/2'`);
  await page.evaluate(`document.querySelector('[data-purge="/cached/1"]').click()`);
  await shows(page, `${keys} === '/cached/2'`);
  await closePage(page);
});

test('no view has an accessibility error, and nothing is wider than the window', { skip: noBrowser }, async () => {
  const page = await openPage(browser, site, 'overview');
  for (const width of [360, 1280]) {
    await page.setViewport({ width, height: 800 });
    for (const view of [
      'overview',
      'http',
      'websockets',
      'sse',
      'cache',
      'configuration',
      'configuration/explain',
      'configuration/changes',
    ]) {
      await show(page, view);
      await shows(
        page,
        `document.querySelector('nav a[aria-current]')?.getAttribute('href') === '#/${view.split('/')[0]}'`,
      );
      assert.deepEqual(await violations(page), [], `${view} at ${width} px`);
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), width, view);
    }
  }
  await closePage(page);
});

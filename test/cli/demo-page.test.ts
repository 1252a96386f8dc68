/** The page of the demonstration in a real browser. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'puppeteer-core';
import { browser, noBrowser } from '../kit/browser.js';
import { closedPort } from '../kit/index.js';
import { demo } from './demo-process.js';

const OPEN = '[...document.querySelectorAll(".sock:not(.gone) .badge")].filter((e) => e.textContent !== "…").length';

async function open(page: Page, port: number): Promise<Page> {
  await page.goto(`http://127.0.0.1:${port}/`);
  await page.waitForFunction(`${OPEN} === 4`);
  return page;
}

test('a burst ends although one of its sockets is closed meanwhile', { skip: noBrowser }, async (t) => {
  const { port } = await demo(t);
  const page = await open(await (await browser(t)).newPage(), port);
  await page.evaluate(`document.getElementById('burst').click(); document.querySelector('.sock .bare').click()`);
  await page.waitForFunction(`document.getElementById('note').textContent.includes('closed meanwhile')`);
  assert.equal(await page.evaluate(`document.getElementById('burst').disabled`), false);
});

test('sockets reconnect after a restart, and a reload meanwhile reports that the proxy is gone', {
  skip: noBrowser,
}, async (t) => {
  const port = await closedPort();
  const first = await demo(t, port);
  const page = await open(await (await browser(t)).newPage(), port);
  first.end();
  await first.exited;
  await page.waitForFunction(`${OPEN} === 0`);
  await page.evaluate(`document.getElementById('reload').click()`);
  await page.waitForFunction(`document.getElementById('log').textContent.includes('the proxy cannot be reached')`);
  await demo(t, port);
  await page.waitForFunction(`${OPEN} === 4`);
});

test('nothing is clipped or touches its box at 390 px, with the longest port', { skip: noBrowser }, async (t) => {
  const { port } = await demo(t);
  const page = await (await browser(t)).newPage();
  await page.setViewport({ width: 390, height: 1400 });
  await open(page, port);
  const state = (await page.evaluate(`(${measure})()`)) as {
    readonly left: number;
    readonly right: number;
    readonly cut: number;
    readonly width: number;
  };
  assert.ok(state.right >= state.left - 1, `the host ends ${state.right} px before the edge of its box`);
  assert.equal(state.cut, 0, 'lines cut in the middle');
  assert.ok(state.width <= 390, `the page is ${state.width} px wide`);
});

/** Runs in the page: a long host, more words than the story has room for, and the distances that result. */
const measure = `() => {
  const rect = (selector) => document.querySelector(selector).getBoundingClientRect();
  document.querySelector('#n-proxy').textContent = '127.127.127.127:65535';
  dispatchEvent(new Event('resize'));
  const story = document.querySelector('#story');
  for (let i = 0; i < 80; i++) {
    story.insertBefore(document.createElement('span'), story.lastElementChild).textContent = 'word ';
  }
  const shown = story.parentElement.getBoundingClientRect();
  const words = [...story.querySelectorAll('span')].map((word) => word.getBoundingClientRect());
  const box = rect('[data-node=proxy] rect');
  const host = rect('#n-proxy');
  return {
    left: host.left - box.left,
    right: box.right - host.right,
    cut: words.filter(({ top, bottom }) => top < shown.top - 1 && bottom > shown.top + 1).length,
    width: document.documentElement.scrollWidth,
  };
}`;

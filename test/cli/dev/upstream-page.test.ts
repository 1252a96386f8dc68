/** The page for an upstream that cannot be reached, in a browser and as text. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { PAGE_POLICY } from '../../../src/cli/dev/page.js';
import { upstreamOptions } from '../../../src/cli/dev/upstream-failure.js';
import { type MissingUpstream, upstreamPage, upstreamText } from '../../../src/cli/dev/upstream-page.js';
import { violations } from '../../console/console-page.js';
import { browser, noBrowser } from '../../kit/browser.js';
import { listening } from '../../kit/index.js';

const CONTENT: MissingUpstream = {
  status: 502,
  upstream: 'app.internal.example:3000',
  reason: 'Nothing listens on 127.0.0.1:3000.',
  place: 'conf.d/shop.conf:42',
  options: ['--upstream app.internal.example=localhost:3000', '--map shop.example=localhost:3000'],
};

const HOSTILE = `"><script>document.title='executed'</script><img src=x onerror="document.title='executed'">&lt;\u202e\x1b[2J\n`;

test('text of a request is escaped, shortened, and contains no control characters', () => {
  const content = { ...CONTENT, upstream: HOSTILE, reason: HOSTILE, place: HOSTILE, options: [HOSTILE] };
  const page = upstreamPage(content);
  assert.doesNotMatch(page, /<script|<img|[\x00-\x09\x0b-\x1f\u202e]/);
  assert.match(page, /&lt;script&gt;/);
  assert.doesNotMatch(upstreamText(content), /[\x00-\x09\x0b-\x1f\u202e]/);
  assert.equal(upstreamText(content).trim().split('\n').length, 4);
  const long = { ...CONTENT, upstream: 'a'.repeat(100_000) };
  assert.ok(upstreamPage(long).length < 10_000 && upstreamText(long).length < 1000);
});

test('options are words of a shell, whatever host a client has sent', () => {
  assert.deepEqual(upstreamOptions('app.internal:3000'), ['--upstream app.internal=localhost:3000']);
  assert.deepEqual(upstreamOptions("$(id)';id:80"), ["--upstream '$(id)'\\'';id=localhost:3000'"]);
});

test('the text names the upstream, the place and the options', () => {
  assert.equal(
    upstreamText(CONTENT),
    `502: app.internal.example:3000 cannot be reached. Nothing listens on 127.0.0.1:3000.
It is configured at conf.d/shop.conf:42.
Start that server, or name another one:
  tsproxy dev … --upstream app.internal.example=localhost:3000
  tsproxy dev … --map shop.example=localhost:3000
`,
  );
});

test('the page loads nothing, fits narrow and wide windows, and is readable in both schemes', {
  skip: noBrowser,
}, async (t) => {
  const paths: string[] = [];
  const server = createServer(({ url = '' }, response) => {
    paths.push(url);
    response.writeHead(502, {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': PAGE_POLICY,
    });
    response.end(upstreamPage(url === '/hostile' ? { ...CONTENT, upstream: HOSTILE, options: [HOSTILE] } : CONTENT));
  });
  const port = await listening(t, server);
  const page = await (await browser(t)).newPage();
  const errors: string[] = [];
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  const grounds = new Set<unknown>();
  for (const width of [320, 1600]) {
    for (const scheme of ['light', 'dark']) {
      await page.setViewport({ width, height: 700 });
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
      await page.goto(`http://127.0.0.1:${port}/`);
      assert.deepEqual(await violations(page), [], `${width} ${scheme}`);
      assert.equal(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true, `${width}`);
      assert.match(
        String(await page.evaluate('document.body.innerText')),
        /Nothing listens on 127\.0\.0\.1:3000\.[\s\S]*conf\.d\/shop\.conf:42[\s\S]*--map shop\.example=localhost:3000/,
      );
      grounds.add(await page.evaluate('getComputedStyle(document.body).backgroundColor'));
    }
  }
  // The style is applied, although the policy allows no other.
  assert.deepEqual([...grounds], ['rgb(245, 246, 250)', 'rgb(14, 16, 23)']);
  await page.goto(`http://127.0.0.1:${port}/hostile`);
  assert.match(await page.title(), /^">/);
  assert.deepEqual(
    paths.filter((path) => path !== '/favicon.ico'),
    ['/', '/', '/', '/', '/hostile'],
  );
  assert.deepEqual(
    errors.filter((text) => !text.includes('502')),
    [],
  );
});

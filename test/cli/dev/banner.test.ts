/** Lines of the banner about differences from the configuration. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noticeLines } from '../../../src/cli/dev/banner.js';
import { PLAIN } from '../../../src/diagnostics/style.js';

const unknown = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    subject: `upstream app${i}`,
    text: `not known here (nginx.conf:${i}); --upstream app${i}=localhost:3000`,
    summary: 'not known here; --upstream NAME=localhost:3000 for each',
    warning: true as const,
  }));

test('a few unknown upstreams have a line each, many have one together', () => {
  const ports = { subject: 'port 80', text: '8080' };
  assert.deepEqual(noticeLines([...unknown(3), ports], PLAIN), [
    '  port 80: 8080',
    '  upstream app0: not known here (nginx.conf:0); --upstream app0=localhost:3000',
    '  upstream app1: not known here (nginx.conf:1); --upstream app1=localhost:3000',
    '  upstream app2: not known here (nginx.conf:2); --upstream app2=localhost:3000',
  ]);
  assert.deepEqual(noticeLines(unknown(20), PLAIN), [
    '  upstream app0, upstream app1, upstream app2, upstream app3, upstream app4, upstream app5, upstream app6, upstream app7, upstream app8, upstream app9 and 10 more: not known here; --upstream NAME=localhost:3000 for each',
  ]);
});

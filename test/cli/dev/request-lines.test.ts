/** Lines of requests and WebSockets under `tsproxy dev`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RequestLines } from '../../../src/cli/dev/request-lines.js';
import { PLAIN } from '../../../src/diagnostics/style.js';
import type { CloseRow, OpenRow } from '../../../src/tap/rows.js';

function opened(id: string): OpenRow {
  return {
    type: 'open',
    id,
    time: 0,
    secure: false,
    client: '127.0.0.1',
    host: 'localhost',
    target: `/${id}`,
    location: '/',
    upstream: 'unix:/run/\x1b[2J.sock',
    protocol: '',
    extensions: '',
    generation: 1,
    openedAt: 0,
  };
}

function closed(id: string): CloseRow {
  const counts = { messages: 0, frames: 0, bytes: 0 };
  return {
    type: 'close',
    id,
    time: 0,
    by: 'client',
    code: 1000,
    reason: '',
    duration: 5,
    received: counts,
    sent: counts,
  };
}

test('WebSockets whose end was never reported are forgotten, the oldest first', () => {
  const lines = new RequestLines(PLAIN);
  for (let i = 0; i <= 5000; i++) lines.line(opened(`s${i}`));
  assert.equal(lines.line(closed('s0')), null);
  assert.match(lines.line(closed('s1')) ?? '', /WS +localhost\/s1 +close/);
  assert.match(lines.line(closed('s5000')) ?? '', /WS +localhost\/s5000 +close/);
});

test('the name of an upstream cannot control the terminal', () => {
  assert.doesNotMatch(new RequestLines(PLAIN).line(opened('a')) ?? '', /\x1b/);
});

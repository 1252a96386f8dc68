/** Connections that a process counts in a store: which of them are renewed, and which may be left there when they end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LocalBackend } from '../../src/zones/local-backend.js';
import { HeldConnections } from '../../src/zones/store/held-connections.js';

const LOCAL = { backend: new LocalBackend(), limits: [] };

test('a connection that the store was never asked to count is not ended there', () => {
  const held = new HeldConnections('o');
  for (let ticket = 1; ticket <= 30_000; ticket++) {
    held.adopt(ticket, ['k'], LOCAL, 0);
    assert.equal(held.release(ticket, false), null);
  }
  held.begin(30_001, ['k', 'l'], LOCAL);
  held.answered(30_001, 0);
  held.lost();
  held.release(30_001, false);
  assert.deepEqual(held.takeStale(), [
    ['k', 'o:30001'],
    ['l', 'o:30001'],
  ]);
});

test('a connection that the store did not answer about is ended there, unless it is counted again first', () => {
  const held = new HeldConnections('o');
  for (const ticket of [1, 2]) {
    held.begin(ticket, ['k'], LOCAL);
    held.answered(ticket, null);
    held.adopt(ticket, ['k'], LOCAL, 0);
  }
  assert.deepEqual(held.takeStale(), []);
  held.release(1, false);
  assert.deepEqual(held.takeStale(), [['k', 'o:1']]);
  assert.deepEqual(held.takeMissing(), [['k', 'o:2']]);
});

test('connections that end during a renewal are not renewed', () => {
  const held = new HeldConnections('o');
  for (const ticket of [1, 2, 3]) {
    held.begin(ticket, ['k'], LOCAL);
    held.answered(ticket, 0);
  }
  const renewed: string[] = [];
  for (const [, member] of held.all()) {
    renewed.push(member);
    held.release(2, true);
  }
  assert.deepEqual(renewed, ['o:1', 'o:3']);
});

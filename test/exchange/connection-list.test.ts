import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection } from '../../src/exchange/connection.js';
import { ConnectionList } from '../../src/exchange/connection-list.js';

function connection(name: string): Connection {
  return { name, before: null, after: null } as unknown as Connection;
}

function names(list: ConnectionList): string[] {
  return [...list].map((each) => (each as unknown as { name: string }).name);
}

test('a list of connections keeps their order, and a removed connection refers to no other', () => {
  const list = new ConnectionList();
  const [a, b, c] = ['a', 'b', 'c'].map(connection) as [Connection, Connection, Connection];
  for (const each of [a, b, c]) list.add(each);
  assert.deepEqual(names(list), ['a', 'b', 'c']);
  assert.equal(list.delete(b), true);
  assert.equal(list.delete(b), false);
  assert.deepEqual([b.before, b.after], [null, null]);
  assert.deepEqual(names(list), ['a', 'c']);
  list.delete(a);
  list.add(a);
  assert.deepEqual([names(list), list.size], [['c', 'a'], 2]);
  list.delete(a);
  list.delete(c);
  assert.deepEqual([list.first, list.size, list.has(c)], [null, 0, false]);
  list.add(b);
  assert.deepEqual([list.first, list.has(b), list.size], [b, true, 1]);
});

test('connections may be removed while a list of them is iterated', () => {
  const list = new ConnectionList();
  for (const name of ['a', 'b', 'c']) list.add(connection(name));
  let visited = 0;
  for (const each of list) {
    visited++;
    list.delete(each);
  }
  assert.deepEqual([visited, list.size], [3, 0]);
});

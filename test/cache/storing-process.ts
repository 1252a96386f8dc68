/** Stores entries in the directory of its first argument until it is killed: for `killed-stores.test.ts`. */
import { entryPath, hashOf } from '../../src/cache/entry-path.js';
import { EntryWriter } from '../../src/cache/entry-writer.js';
import { bodyFor, headFor } from './stored-bodies.js';

const [, , path = '', run = ''] = process.argv;
for (let i = 0; ; i++) {
  const key = `${run}-${i}`;
  const writer = new EntryWriter(
    { path: entryPath({ path, levels: [1, 2] }, hashOf(key)), temporary: null },
    headFor(key),
  );
  const body = bodyFor(key);
  writer.write(body, 0, body.length >> 1);
  writer.write(body, body.length >> 1, body.length);
  writer.finish();
  if (i === 20) process.send?.('storing');
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Field } from '../../src/http/field-names.js';
import { HeaderBlock } from '../../src/http/header-block.js';
import { ResponseHead } from '../../src/http/response-head.js';

function head(): ResponseHead {
  const made = new ResponseHead();
  made.upstream = HeaderBlock.from([
    ['X-A', '1'],
    ['X-B', '2'],
    ['x-a', '3'],
  ]);
  made.add('X-C', '4');
  made.add('X-A', '5');
  return made;
}

test('fields of the upstream come first, then those that were added', () => {
  const made = head();
  assert.deepEqual(made.all('x-a'), ['1', '3', '5']);
  assert.equal(made.get('x-c'), '4');
  assert.equal(made.get('x-d'), undefined);
});

test('set puts one field in the place of all of its name', () => {
  const made = head();
  made.set('X-a', '6');
  assert.deepEqual(made.all('x-a'), ['6']);
  assert.equal(made.upstream?.lines(null), 'X-B: 2\r\n');
  assert.deepEqual(made.added, ['X-C', '4', 'X-a', '6']);
  made.set('x-B', null);
  assert.deepEqual(made.all('x-b'), []);
});

test('the four fields with places of their own are read and set there', () => {
  const made = head();
  made.set('Content-Type', 'text/plain');
  made.set('ETAG', '"a"');
  made.set('Content-Length', '12');
  made.modifiedAt = 5;
  made.set('Last-Modified', 'now');
  assert.deepEqual(
    [made.contentType, made.etag, made.contentLength, made.lastModified, made.modifiedAt],
    ['text/plain', '"a"', 12, 'now', -1],
  );
  assert.deepEqual(
    [made.valueOf(Field.ContentType), made.valueOf(Field.ETag), made.get('content-length')],
    ['text/plain', '"a"', '12'],
  );
  made.set('content-length', null);
  assert.deepEqual([made.contentLength, made.all('content-length')], [-1, []]);
  assert.deepEqual(made.added, ['X-C', '4', 'X-A', '5']);
});

test('a head is as new after clear', () => {
  const made = head();
  made.set('ETag', '"a"');
  made.trailers.push('A', 'b');
  made.expectTrailers = true;
  made.status = 200;
  made.clear();
  assert.deepEqual(made, new ResponseHead());
});

test("an own Location is taken out of the upstream's lines, or of those that were added", () => {
  const made = new ResponseHead();
  made.upstream = HeaderBlock.from([
    ['X-A', '1'],
    ['Location', '/b'],
  ]);
  made.replaceLocation('/c\r\nX: d');
  assert.deepEqual([made.ownLocation, made.all('location')], ['/c X: d', ['/c X: d']]);
  assert.equal(made.upstream.lines(null, made), 'X-A: 1\r\nLocation: /c X: d\r\n');
  assert.deepEqual([made.takeOwnLocation(), made.takeOwnLocation()], [true, false]);
  assert.equal(made.upstream.lines(null, made), 'X-A: 1\r\n');
  made.set('Location', '/e');
  assert.deepEqual([made.takeOwnLocation(), made.added], [true, []]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { lineCount, lineStart, lineText, positionOf } from '../../grammar/index.js';

function source(text: string) {
  return { name: 'test.conf', text: Buffer.from(text, 'utf8').toString('latin1') };
}

function at(text: string, offset: number): [number, number] {
  const { line, column } = positionOf(source(text), offset);
  return [line, column];
}

test('lines and columns count from 1', () => {
  assert.deepEqual(at('a\nbc\n', 0), [1, 1]);
  assert.deepEqual(at('a\nbc\n', 3), [2, 2]);
});

test('a line break belongs to the line that it ends', () => {
  assert.deepEqual(at('ab\ncd', 2), [1, 3]);
  assert.deepEqual(at('ab\r\ncd', 2), [1, 3]);
  assert.deepEqual(at('ab\r\ncd', 3), [1, 3]);
  assert.deepEqual(at('ab\r\ncd', 4), [2, 1]);
});

test('a line break at the end begins a further line', () => {
  assert.deepEqual(at('ab\n', 3), [2, 1]);
  assert.equal(lineCount(source('ab\n')), 2);
  assert.equal(lineCount(source('')), 1);
});

test('an offset past the end counts as the end', () => assert.deepEqual(at('ab', 99), [1, 3]));

test('a CR alone ends no line', () => assert.deepEqual(at('a\rb', 2), [1, 3]));

test('columns count characters, not bytes', () => {
  assert.deepEqual(at('ä€𝄞x', 2), [1, 2]);
  assert.deepEqual(at('ä€𝄞x', 5), [1, 3]);
  assert.deepEqual(at('ä€𝄞x', 9), [1, 4]);
});

test('a byte order mark takes no column', () => {
  assert.deepEqual(at('\ufeffa b', 3), [1, 1]);
  assert.deepEqual(at('\ufeffa b', 5), [1, 3]);
});

test('lines are given without their line break', () => {
  const text = source('\ufeffa\r\n\r\nb\nc');
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5].map((line) => lineText(text, line)),
    ['', 'a', '', 'b', 'c', ''],
  );
  assert.deepEqual(
    [1, 2, 3, 4, 5].map((line) => lineStart(text, line)),
    [3, 6, 8, 10, 11],
  );
});

test('offsets in any order get the places that counting from the start gives', () => {
  const characters = fc.constantFrom('a', '\n', '\r\n', 'ä', '€', ' ');
  const texts = fc.array(characters, { maxLength: 40 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(texts, fc.array(fc.nat(60), { maxLength: 10 }), (text, offsets) => {
      const shared = source(text);
      for (const offset of offsets) {
        const before = shared.text.slice(0, offset);
        const lines = before.split('\n');
        const atBreak = before.endsWith('\r') && shared.text[offset] === '\n';
        const last = Buffer.from((lines.at(-1) ?? '').slice(0, atBreak ? -1 : undefined), 'latin1');
        // An offset inside of a character counts that character as begun.
        let characters = 0;
        for (const byte of last) if ((byte & 0xc0) !== 0x80) characters++;
        assert.deepEqual(positionOf(shared, offset), { line: lines.length, column: characters + 1 });
      }
    }),
  );
});

test('many places on one long line are found in time', () => {
  const long = source('ä'.repeat(1_000_000));
  const began = performance.now();
  for (let offset = 0; offset < long.text.length; offset += 20) positionOf(long, offset);
  assert.ok(performance.now() - began < 5000);
});

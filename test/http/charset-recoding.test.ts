import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ByteRecoder, type CharsetTable, reversed, Utf8Recoder } from '../../src/http/charset-recoding.js';

const utf8 = (text: string) => Buffer.from(text, 'utf8').toString('latin1');
const KOI8: CharsetTable = [
  [0xc0, utf8('ю')],
  [0xc1, utf8('а')],
  [0xa4, utf8('€')],
];

test('bytes become UTF-8, those that are in no table a question mark', () => {
  assert.equal(new ByteRecoder(KOI8).push('a\xc0\xc1\xff'), `a${utf8('юа')}?`);
});

test('UTF-8 becomes bytes, and a reference where there is none', () => {
  assert.equal(new Utf8Recoder(KOI8).push(utf8('юa€я😀')), '\xc0a\xa4&#1103;&#128512;');
});

test('a table serves both directions', () => {
  const table: CharsetTable = [[0x58, 'Y']];
  assert.equal(new ByteRecoder(table).push('X001'), 'Y001');
  assert.equal(new ByteRecoder(reversed(table)).push('Y001'), 'X001');
});

test('bytes that are not UTF-8 become question marks', () => {
  assert.equal(new Utf8Recoder(KOI8).push('\x80a\xc1\xff\xed'), '?a??');
  assert.equal(new Utf8Recoder(KOI8).push('\xc3ab'), '?b');
});

test('any cut of a text gives the same result', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('ю', 'a', '€', '😀', 'é')), fc.array(fc.nat(5)), (characters, cuts) => {
      const text = utf8(characters.join(''));
      const recoder = new Utf8Recoder(KOI8);
      let out = '';
      let at = 0;
      for (const cut of cuts) {
        out += recoder.push(text.slice(at, at + cut));
        at += cut;
      }
      out += recoder.push(text.slice(at));
      assert.equal(out, new Utf8Recoder(KOI8).push(text));
    }),
  );
});

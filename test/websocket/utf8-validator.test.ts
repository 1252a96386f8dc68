import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import { applyMask } from '../../src/websocket/frame-reader.js';
import { Utf8Validator } from '../../src/websocket/utf8-validator.js';
import { anyCharacter } from '../kit/any-character.js';

/** Texts at the limits of each form, and each kind of invalid sequence. */
const SAMPLES = [
  'ascii',
  'κόσμε',
  '\u{10ffff}\u{10000}\uffff\ud7ff\ue000\u0800\u07ff\u0080',
  ...['c080', 'c1bf', 'e08080', 'e09fbf', 'f0808080', 'f08fbfbf'].map((hex) => Buffer.from(hex, 'hex')), // overlong
  ...['eda080', 'edbfbf', 'f4908080', 'f5808080', 'ff', '80', 'bf', 'fe'].map((hex) => Buffer.from(hex, 'hex')),
  ...['c3', 'e282', 'f09f98'].map((hex) => Buffer.from(hex, 'hex')), // incomplete
  ...['c328', 'e28228', 'f09f9828', 'e228a1'].map((hex) => Buffer.from(hex, 'hex')),
].map((text) => Buffer.from(text as string));

/** Validates pieces that end at the given positions, masked or not. */
function valid(bytes: Buffer, cuts: readonly number[], mask: number): boolean {
  const validator = new Utf8Validator();
  const wire = Buffer.from(bytes);
  if (mask !== 0) applyMask(wire, 0, wire.length, mask, 0);
  let from = 0;
  for (const to of [...cuts, wire.length]) {
    if (!validator.push(wire, from, to, mask, from)) return false;
    from = to;
  }
  return validator.complete;
}

test('text is valid or not wherever it is split, masked or not', () => {
  for (const sample of SAMPLES) {
    for (let cut = 0; cut <= sample.length; cut++) {
      for (const mask of [0, 0x12345678, -1])
        assert.equal(valid(sample, [cut], mask), isUtf8(sample), sample.toString('hex'));
    }
  }
});

test('random bytes and texts are judged as by Node', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 12 }).map((array) => Buffer.from(array)),
    fc.string({ unit: anyCharacter, maxLength: 150 }).map((text) => Buffer.from(text)),
    fc.tuple(fc.string({ unit: anyCharacter, maxLength: 150 }), fc.nat(), fc.nat(255)).map(([text, at, byte]) => {
      const changed = Buffer.from(text);
      if (changed.length > 0) changed[at % changed.length] = byte;
      return changed;
    }),
  );
  fc.assert(
    fc.property(bytes, fc.array(fc.nat()), fc.integer(), (sample, cuts, mask) => {
      const positions = cuts.map((cut) => cut % (sample.length + 1)).sort((a, b) => a - b);
      assert.equal(valid(sample, positions, mask), isUtf8(sample));
    }),
  );
});

test('an invalid byte is found when it arrives, before the character would be complete', () => {
  for (const hex of ['eda0', 'e080', 'f08f', 'f490', 'c0']) {
    assert.equal(new Utf8Validator().push(Buffer.from(hex, 'hex'), 0, hex.length / 2), false, hex);
  }
});

test('bytes are not changed by validation', () => {
  const bytes = Buffer.from('κόσμε');
  new Utf8Validator().push(bytes, 0, bytes.length, 0x01020304, 1);
  assert.equal(bytes.toString(), 'κόσμε');
});

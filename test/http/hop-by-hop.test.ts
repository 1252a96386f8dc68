import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Field, fieldNumber } from '../../src/http/field-names.js';
import { HeaderBlock } from '../../src/http/header-block.js';
import { connectionOptions, REQUEST_HOP_BY_HOP, RESPONSE_HOP_BY_HOP } from '../../src/http/hop-by-hop.js';

const OPTIONS: readonly (readonly [version: number, values: readonly string[], keepAlive: boolean, close: boolean])[] =
  [
    [11, [], true, false],
    [10, [], false, false],
    [9, [], false, false],
    [11, ['close'], false, true],
    [11, ['Close'], false, true],
    [11, ['upgrade, CLOSE'], false, true],
    [11, ['keep-alive'], true, false],
    [10, ['Keep-Alive'], true, false],
    [10, ['foo', 'keep-alive'], true, false],
    [10, ['keep-alive, close'], false, true],
    [11, ['keep-alive', 'close'], false, true],
    [11, ['upgrade'], true, false],
    [10, ['upgrade'], false, false],
    [11, [''], true, false],
  ];

for (const [version, values, keepAlive, close] of OPTIONS) {
  test(`version ${version / 10} with Connection ${JSON.stringify(values)} is ${keepAlive ? 'kept' : 'closed'}`, () => {
    const block = HeaderBlock.from(values.map((value) => ['Connection', value] as const));
    assert.deepEqual(connectionOptions(block, version), { keepAlive, close });
  });
}

test('every hop-by-hop field is one that is compared by number', () => {
  for (const name of [...REQUEST_HOP_BY_HOP, ...RESPONSE_HOP_BY_HOP]) {
    assert.notEqual(fieldNumber(name, 0, name.length), Field.Other, name);
  }
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { basicCredentials } from '../../src/http/basic-credentials.js';
import { cookieValue, setCookieValue } from '../../src/http/cookies.js';
import { fieldsMeant, meansField } from '../../src/http/field-variable.js';
import { HeaderBlock } from '../../src/http/header-block.js';
import { binaryAddress } from '../../src/net/binary-address.js';

describe('a cookie', () => {
  test('is found by its name, without regard to case', () => {
    assert.equal(cookieValue(['a=1; b=2', 'c=3'], 'b'), '2');
    assert.equal(cookieValue(['a=1; B = 2 ;c=3'], 'b'), '2 ');
    assert.equal(cookieValue(['a=1', 'c=3'], 'c'), '3');
    assert.equal(cookieValue(['a=;b'], 'a'), '');
  });
  test('is not found by a part of its name, or without a value', () => {
    assert.equal(cookieValue(['ab=1; a', ''], 'a'), undefined);
    assert.equal(cookieValue(['ab=1'], 'b'), undefined);
    assert.equal(cookieValue(['a'], 'a'), undefined);
  });
  test('that is set stands first in its field', () => {
    assert.equal(setCookieValue(['a=1; Path=/', 'b=2'], 'b'), '2');
    assert.equal(setCookieValue(['a=1; Path=/'], 'path'), undefined);
    assert.equal(setCookieValue(['a=1; Path=/'], 'a'), '1');
  });
});

describe('the name of a variable', () => {
  test('means the field with hyphens for underscores', () => {
    assert.ok(meansField('x_one', 'X-One'));
    assert.ok(meansField('x_one', 'x_ONE'));
    assert.ok(!meansField('x_one', 'X-On'));
    assert.ok(!meansField('x_one', 'X-Two'));
  });
  test('stands for all fields of that name', () => {
    const block = HeaderBlock.from([
      ['X-One', 'a'],
      ['Two', 'b'],
      ['x-one', 'c'],
      ['TWO', 'd'],
    ]);
    assert.equal(fieldsMeant(block, 'x_one'), 'a, c');
    assert.equal(fieldsMeant(block, 'two'), 'b, d');
    assert.equal(fieldsMeant(block, 'x_none'), undefined);
  });
});

test('an address is 4 or 16 bytes', () => {
  const hex = (address: string) => Buffer.from(binaryAddress(address), 'latin1').toString('hex');
  assert.equal(hex('127.0.0.1'), '7f000001');
  assert.equal(hex('::1'), '00000000000000000000000000000001');
  assert.equal(hex('::'), '00000000000000000000000000000000');
  assert.equal(hex('2001:db8::ff00:42:8329'), '20010db8000000000000ff0000428329');
  assert.equal(hex('1:2:3:4:5:6:7:8'), '00010002000300040005000600070008');
  assert.equal(hex('fe80::1%eth0'), 'fe800000000000000000000000000001');
  assert.equal(hex('64:ff9b::192.0.2.33'), '0064ff9b0000000000000000c0000221');
  assert.equal(binaryAddress('unix:'), 'unix:');
});

test('the user of Basic authentication stands before the colon', () => {
  const encoded = (text: string) => Buffer.from(text, 'latin1').toString('base64');
  assert.equal(basicCredentials(`Basic ${encoded('bob:secret')}`)?.user, 'bob');
  assert.equal(basicCredentials(`BASIC   ${encoded('b\xe9:')}`)?.user, 'b\xe9');
  assert.equal(basicCredentials(`Basic ${encoded('bob')}`)?.user, undefined);
  assert.equal(basicCredentials(`Basic ${encoded(':secret')}`)?.user, undefined);
  assert.equal(basicCredentials('Basic !')?.user, undefined);
  assert.equal(basicCredentials('Basic')?.user, undefined);
  assert.equal(basicCredentials(undefined)?.user, undefined);
});

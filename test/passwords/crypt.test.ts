/** Hashes of passwords, computed by libxcrypt 4.4 and OpenSSL 3. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { effortOf, formatName, matchesHash } from '../../src/passwords/crypt.js';

const VECTORS: readonly (readonly [name: string, password: string, hashes: readonly string[]])[] = [
  [
    'empty',
    '',
    [
      'zZO7u0HfQST3A',
      '$1$a$8CfZSfErbeskipdhZHtvu.',
      '$5$rounds=1000$saltstringsaltst$fJyHeLfYNbQzvekOQ01sK2Xs56HhRK6MNGjOqG/ixT5',
      '$6$rounds=1000$a$q/ZSdy9IBSzcpbaIjdRTOu569QiYiP4n7Ab08Oq1Ir6J.GD1xR3BAwRIYHnavtE1Wzodknd9BxknlHhFBP/az1',
      '$2b$04$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq',
    ],
  ],
  [
    'of one byte',
    'x',
    [
      'zZ7ZiWSxfqAtU',
      '$1$a$TYcRT0JumNkKBBlirG1X4/',
      '$5$rounds=1000$saltstringsaltst$FAko0EnvzkYmn2Zt/YK8f7rL9IqOJ2umwnt4p3snAwD',
      '$6$rounds=1000$a$g8xNDa7lPPT7t0NNQJnjbVXLz4gfYBmVrmrNAyCXiuy8T6/nLCQRbI2SD9ZZJFpJdLLsB0S.DKTdPMWfmikPP/',
      '$2b$04$abcdefghijklmnopqrstuuPp7HPfoAs8I2dCQCQ/fW7zEJv8I8C8e',
      '$apr1$abcd$NLw/IRgjEiY5X5tz3PKbx/',
    ],
  ],
  [
    'of 15 bytes',
    'aaaaaaaaaaaaaaa',
    [
      'zZeSN.DAM5FSw',
      '$1$a$WBfT0wAGK73azXbkXeVb7.',
      '$5$rounds=1000$saltstringsaltst$hBC9RyMxOrk.1ZOarZNMhqMhxf2J/0TVfgPbcYTAwi8',
      '$6$rounds=1000$a$Swl/ya.ZkNBxf8HpZ7LteojSMNm9KOQ5rCMHacyTbCTC.tK0tfRqVJdD5VakyhN6OVBhY1QFPZPWqJ4J13Otu0',
      '$2b$04$abcdefghijklmnopqrstuuPluRiqU7a/TM6nI03zuzn0IDLTXwI5.',
      '$apr1$abcd$hNoOol1f9ljcXGKSin7u71',
    ],
  ],
  [
    'of 16 bytes',
    'bbbbbbbbbbbbbbbb',
    [
      'zZsVQvg/UyHvY',
      '$1$a$L5vwVdxQIvZHJw6HMJLIM1',
      '$5$rounds=1000$saltstringsaltst$kpUPcV0uEmoVK35ruzGZLsW3Ugy6Ai0ov2k6ULq5wlD',
      '$6$rounds=1000$a$URuXS8NigNFaxPb2ew0B.aPECyr8ZQ63ZPTbZ52sDuAYoX6lG8U0rhKNAFRBJnTaF7HOB6PeEkzHHgy8G05op0',
      '$2b$04$abcdefghijklmnopqrstuubgOL2XIlHfmRHIDYYchj27qRqRHr4gC',
      '$apr1$abcd$3oEYnIJ3SZazFptICzhKQ.',
    ],
  ],
  [
    'of 17 bytes',
    'ccccccccccccccccc',
    [
      'zZNnF0PKNZUzU',
      '$1$a$WXJoKZEP5IcuxJ8qVfqzY1',
      '$5$rounds=1000$saltstringsaltst$wPzikbQWDcPRV4gGPQaZvyORZqvj6ZQMwEyzrZZzxQ4',
      '$6$rounds=1000$a$IzO4OhgVOpZwM/fFQmD8WF27NmtP0.iLlWQPr/.fXw2ZYAHit2fOYso1ebGXaDM.nXR2RmzZFQZvLGe6SCtZw.',
      '$2b$04$abcdefghijklmnopqrstuupbn6aauLz1Il4G5YY2snLMXezmVxQPy',
      '$apr1$abcd$hpwDyH0Unoc9/7NfXG75./',
    ],
  ],
  [
    'of 65 bytes',
    'ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd',
    [
      'zZR7cO8uiDhlA',
      '$1$a$sctKcSd5Oc2bDZJQIjAyv.',
      '$5$rounds=1000$saltstringsaltst$wFBgFoRpyoeBkdewp.kewKWp.eYo/3jArWbFFrFIJoB',
      '$6$rounds=1000$a$P2GVfMoUt0o1cB02S7SXY7aH7BgUHvLNQyBYr6k/uarwsTGAx.5j1VhfGxAG9dD4wMZNJ11qTifHiAIF0jo9j.',
      '$2b$04$abcdefghijklmnopqrstuuSMLOCnssBoLG0kC8e25cHO9hfBd5D4a',
      '$apr1$abcd$MQVjhqdwvrcd0ud8wlAHz1',
    ],
  ],
  [
    'of 73 bytes',
    'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee',
    [
      'zZivagyhfVGmg',
      '$1$a$zcId3s13rGfq6qt4PD1nC1',
      '$5$rounds=1000$saltstringsaltst$d0Pdjy/f4AaZjVA8/KmWOif0KyBoTQPPDNxvC2m9xW.',
      '$6$rounds=1000$a$H.TG..XfJfknl2eYkgy9du5.oSRIzuKOofeCvieIUrGsf5AXEB80zHOzuCuoK3zqkXAGCs6bFAcCK6CQpD2sn1',
      '$2b$04$abcdefghijklmnopqrstuu.6GkTNxIiMNlLpKoc9pb3KKmaWniR6i',
      '$apr1$abcd$JgKcvjG1469OnLXX1S42w/',
    ],
  ],
  [
    'of all kinds of bytes',
    '\xe4\x80\xff \x01~',
    [
      'zZZ.YOJKeiWyU',
      '$1$a$pzT3g/sxTcJlXnt1AxYFN1',
      '$5$rounds=1000$saltstringsaltst$q6L6mLYQ09LPMJYBcizFqu.xADYRw8ANDYaeFq3fNIC',
      '$6$rounds=1000$a$cNKm.ERDVcpxpox8U4/iNzHQLWmeWQ/5vQ3mjnvCBnyDG8CIFidA3q84UWsEQbnO2C.2/na3u72qlFjfSUxTp/',
      '$2b$04$abcdefghijklmnopqrstuut/JRlcvqpHFiV/SZf5ya2CXq2ZUysEy',
    ],
  ],
];

describe('a hash', () => {
  for (const [name, password, hashes] of VECTORS) {
    test(`of a password ${name} matches it, and no other password`, () => {
      for (const hash of hashes) {
        assert.ok(matchesHash(password, hash), hash);
        assert.ok(matchesHash(`${password}\0ignored`, hash), hash);
        assert.equal(matchesHash(`!${password}`, hash), false, hash);
        assert.equal(matchesHash(password, `${hash.slice(0, -1)}${hash.endsWith('.') ? '/' : '.'}`), false, hash);
        assert.equal(effortOf(hash), 'slow');
      }
    });
  }

  test('that is malformed matches nothing', () => {
    for (const hash of [
      '$1$',
      '$apr1$',
      '$5$',
      '$6$rounds=10$a$x',
      '$6$rounds=x$a$x',
      '$2b$04$short',
      '$2b$03$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm',
      '$2b$32$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm',
      '{SHA}',
      '{SSHA}',
      '{SSHA}Zm9vCg==',
      '*0',
      '',
    ]) {
      for (const password of ['', 'x', hash]) assert.equal(matchesHash(password, hash), false, hash);
    }
  });

  test('in an unsupported format has a name without a part of the hash', () => {
    for (const [hash, name] of [
      ['$y$j9T$salt$secret', '$y$'],
      ['$2x$04$secret', '$2x$'],
      ['$argon2id$v=19$secret', '$argon2id$'],
      ['{CRYPT}secret', '{CRYPT}'],
      ['_J9..secret', '_'],
      ['!', '!'],
      ['a secret in plain text', 'unknown'],
      ['', 'unknown'],
    ] as const) {
      assert.equal(effortOf(hash), null, hash);
      assert.equal(formatName(hash), name);
    }
  });
});

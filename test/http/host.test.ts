import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { validHost } from '../../src/http/host.js';

const HOSTS: readonly (readonly [value: string, host: string | null])[] = [
  ['a', 'a'],
  ['A.Example', 'a.example'],
  ['a.example.', 'a.example'],
  ['a.example:8080', 'a.example'],
  ['a.example.:8080', 'a.example'],
  ['a:', 'a'],
  ['a:0', 'a'],
  ['a:65535', 'a'],
  ['a:00000080', 'a'],
  ['a_b', 'a_b'],
  ['%41', '%41'],
  ["-_~!$&'()*+,;=", "-_~!$&'()*+,;="],
  ['.a', '.a'],
  ['127.0.0.1', '127.0.0.1'],
  ['[::1]', '[::1]'],
  ['[::1]:80', '[::1]'],
  ['[FE80::1]', '[fe80::1]'],
  ['[]', '[]'],
  ['[v1.a~b]', '[v1.a~b]'],
  ['[a.]', '[a.]'],
  ['', null],
  ['.', null],
  [':', null],
  [':80', null],
  ['..', null],
  ['a..b', null],
  ['a..', null],
  ['[a..b]', null],
  ['a:65536', null],
  ['a:99999', null],
  ['a:655350', null],
  ['a:b', null],
  ['a:80:80', null],
  ['a:-1', null],
  ['a:80.', null],
  ['[', null],
  ['[::1', null],
  ['[::1]a', null],
  ['[::1].', null],
  ['[::1]:b', null],
  ['[%31]', null],
  ['[::1]]', null],
  [']', null],
  ['a[::1]', null],
  ['a b', null],
  [' a', null],
  ['a\t', null],
  ['a/b', null],
  ['a\\b', null],
  ['a?b', null],
  ['a#b', null],
  ['u@a', null],
  ['a"', null],
  ['<a>', null],
  ['a\0', null],
  ['a\x7f', null],
  ['\xe4', null],
  ['a{}', null],
  ['a|b', null],
  ['a^b', null],
  ['a`b', null],
];

for (const [value, host] of HOSTS) {
  test(`${JSON.stringify(value)} is ${host === null ? 'no host' : host}`, () => {
    assert.equal(validHost(value), host);
    // The last lookup is cached.
    assert.equal(validHost(value), host);
  });
}

test('hosts are what the rules say in any order of questions', () => {
  const asked = fc.oneof(
    fc.constantFrom(...HOSTS.map(([value]) => value)),
    fc.string({ unit: fc.constantFrom(...'aZ.:[]%-_0165'), maxLength: 9 }),
  );
  fc.assert(
    fc.property(fc.array(asked), (values) => {
      for (const value of values) {
        const parts = /^(\[[A-Za-z0-9:.\-_~!$&'()*+,;=]*\]|[A-Za-z0-9.\-_~!$&'()*+,;=%]*)(?::(\d*))?$/.exec(value);
        const written = parts?.[1]?.toLowerCase() ?? '';
        const name = written.replace(/\.$/, '');
        const good = name !== '' && !written.includes('..') && Number(parts?.[2] ?? 0) <= 65535;
        assert.equal(validHost(value), good ? name : null, value);
      }
    }),
    { numRuns: 1000 },
  );
});

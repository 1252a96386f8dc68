/** Redaction of rows of the traffic tap, and paths into JSON. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tapSettings } from '../../src/library/tap-subscription.js';
import { parseJsonPath, replaceAt } from '../../src/tap/json-path.js';
import { Redaction } from '../../src/tap/redaction.js';

function redaction(redact: Parameters<typeof tapSettings>[0]['redact'] = {}): Redaction {
  return new Redaction(tapSettings({ redact }).redaction);
}

const PATHS: readonly (readonly [path: string, expected: unknown])[] = [
  ['$.a', { a: 0, b: [{ a: 2, 'x y': 3 }, { c: { a: 4 } }], d: 5 }],
  ['$.b[0].a', { a: 1, b: [{ a: 0, 'x y': 3 }, { c: { a: 4 } }], d: 5 }],
  ['$.b[*].a', { a: 1, b: [{ a: 0, 'x y': 3 }, { c: { a: 4 } }], d: 5 }],
  ["$['b'][0]['x y']", { a: 1, b: [{ a: 2, 'x y': 0 }, { c: { a: 4 } }], d: 5 }],
  ['$..a', { a: 0, b: [{ a: 0, 'x y': 3 }, { c: { a: 0 } }], d: 5 }],
  ['$.b[1].*', { a: 1, b: [{ a: 2, 'x y': 3 }, { c: 0 }], d: 5 }],
  ['$.*', { a: 0, b: 0, d: 0 }],
  ['$..c.a', { a: 1, b: [{ a: 2, 'x y': 3 }, { c: { a: 0 } }], d: 5 }],
  ['$.none', { a: 1, b: [{ a: 2, 'x y': 3 }, { c: { a: 4 } }], d: 5 }],
  ['$.length', { a: 1, b: [{ a: 2, 'x y': 3 }, { c: { a: 4 } }], d: 5 }],
  ['$.b.0', { a: 1, b: [{ a: 2, 'x y': 3 }, { c: { a: 4 } }], d: 5 }],
];

for (const [path, expected] of PATHS) {
  test(`the path ${path} selects its values`, () => {
    const value = { a: 1, b: [{ a: 2, 'x y': 3 }, { c: { a: 4 } }], d: 5 };
    const parsed = parseJsonPath(path);
    if (parsed === null) return assert.equal(path, '$.b.0');
    replaceAt(value, parsed, 0 as unknown as string);
    assert.deepEqual(value, expected);
  });
}

test('texts that are no paths are refused', () => {
  for (const text of ['', '$', 'a', '.a', '$a', '$.', '$..', '$.a b', '$[a]', '$[0', '$.a[', "$.['a']", '$.0']) {
    assert.equal(parseJsonPath(text), null, text);
    assert.throws(() => tapSettings({ redact: { jsonPaths: [text] } }), TypeError);
  }
});

test('a value of any depth is searched', () => {
  const depth = 5_000;
  const text = `${'{"a":'.repeat(depth)}{"token":"x"}${'}'.repeat(depth)}`;
  const result = redaction({ jsonPaths: ['$..token'] }).message(Buffer.from(text));
  assert.ok(result === 'not redacted' || !result.includes('"x"'));
});

test('header fields are redacted by their names, credentials always', () => {
  const lines = redaction({ fields: ['X-Session'] }).headers([
    ['AUTHORIZATION', 'Bearer x'],
    ['cookie', 'a=b'],
    ['x-session', '1'],
    ['Accept', '*/*'],
  ]);
  assert.deepEqual(lines, [
    ['AUTHORIZATION', '[redacted]'],
    ['cookie', '[redacted]'],
    ['x-session', '[redacted]'],
    ['Accept', '*/*'],
  ]);
});

test('arguments are redacted by their names, however they are encoded', () => {
  const target = '/p?a=1&TOKEN=x&to%6ben=y&tok=z&token&api_key=a=b';
  assert.equal(redaction().target(target), '/p?a=1&TOKEN=[redacted]&to%6ben=[redacted]&tok=z&token&api_key=[redacted]');
  assert.equal(redaction().target('/p?%zz=1&token=1'), '/p?%zz=1&token=[redacted]');
});

test('names of arguments beyond ASCII are those of the text, encoded or not', () => {
  const named = redaction({ fields: ['Clé'] });
  assert.equal(named.target('/p?cl%C3%A9=x&CL%c3%89=y'), '/p?cl%C3%A9=[redacted]&CL%c3%89=[redacted]');
  assert.equal(named.target(`/p?cl\xc3\xa9=x`), '/p?cl\xc3\xa9=[redacted]');
});

test('arguments in fields with URLs are redacted, in fragments, too', () => {
  assert.deepEqual(
    redaction().headers([
      ['Location', 'https://x/cb?code=1#access_token=abc&state=2'],
      ['Referer', 'http://x/?token=a?b=c'],
    ]),
    [
      ['Location', 'https://x/cb?code=1#access_token=[redacted]&state=2'],
      ['Referer', 'http://x/?token=[redacted]'],
    ],
  );
});

test('expressions apply to targets, field values, and payloads', () => {
  const cards = redaction({ patterns: ['\\b\\d{16}\\b'] });
  assert.equal(cards.target('/pay/1234567812345678?x'), '/pay/[redacted]?x');
  assert.deepEqual(cards.headers([['X', 'is 1234567812345678']]), [['X', 'is [redacted]']]);
  assert.equal(cards.message(Buffer.from('é 1234567812345678'))?.toString(), 'é [redacted]');
});

test('members of JSON messages and of the data of events are redacted', () => {
  const paths = redaction({ jsonPaths: ['$.password', '$.user.mail'] });
  assert.equal(
    paths.message(Buffer.from('{"password":"x","user":{"mail":"é@x","name":"ü"}}'))?.toString(),
    '{"password":"[redacted]","user":{"mail":"[redacted]","name":"ü"}}',
  );
  for (const text of [
    'no JSON',
    '42["login",{"password":"x"}]',
    '{"password":"x"}\n{"password":"y"}',
    '{"password":"x"',
  ]) {
    assert.equal(paths.message(Buffer.from(text)), 'not JSON');
    assert.equal(paths.event(Buffer.from(`data: ${text.replace('\n', '\ndata: ')}\n\n`)), 'not JSON');
  }
  assert.equal(paths.event(Buffer.from(': comment\n')).toString(), ': comment\n');
  assert.equal(
    paths.event(Buffer.from('id: 1\r\nevent: login\r\ndata: {"password":\r\ndata: "x"}\r\n\r\n'))?.toString(),
    'id: 1\nevent: login\ndata: {"password":"[redacted]"}\n\n',
  );
  assert.equal(paths.event(Buffer.from('data: {"a":1}\n\n'))?.toString(), 'data: {"a":1}\n\n');
});

test('a member that a later one of its name replaces is not shown', () => {
  const paths = redaction({ jsonPaths: ['$.user.password', '$..token'] });
  for (const [text, expected] of [
    ['{"user":{"password":"x"},"user":1}', '{"user":1}'],
    ['{"user":{"password":"x"},"\\u0075ser":[]}', '{"user":[]}'],
    ['{"a":{"token":"x"},"b":":","a":{}}', '{"a":{},"b":":"}'],
    ['[{"a":{"token":"x"},"a":{}}]', '[{"a":{}}]'],
    ['{"user":{"password":"x","password":"y"}}', '{"user":{"password":"[redacted]"}}'],
  ] as const) {
    assert.equal(paths.message(Buffer.from(text)).toString(), expected);
    assert.equal(paths.event(Buffer.from(`data: ${text}\n\n`)).toString(), `data: ${expected}\n\n`);
  }
  for (const text of [
    '{"a" : "\\":\\"", "b": [ 1.0, {"c":{}} ]}',
    '[ 1e400, ":" ]',
    '":"',
    '{ "__proto__": {"a":1} }',
  ]) {
    assert.equal(paths.message(Buffer.from(text)).toString(), text);
  }
});

test('a search that exceeds its limits shows nothing', () => {
  const slow = redaction({ patterns: ['^(?:(?:a|a)+)+[bc]'] });
  const text = `${'a'.repeat(40)}!`;
  assert.equal(slow.message(Buffer.from(text)), 'not redacted');
  assert.equal(slow.target(text), '[redacted]');
});

test('invalid options are refused', () => {
  for (const options of [
    { payload: -1 },
    { payload: 1.5 },
    { queue: 0 },
    { payload: 1 << 24 },
    { kinds: ['x'] },
    { redact: { patterns: ['('] } },
  ]) {
    assert.throws(() => tapSettings(options as never), TypeError);
  }
});

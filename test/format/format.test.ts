import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { parse } from '../../grammar/index.js';
import { format } from '../../src/format/format.js';
import { configuration, meaning } from './configurations.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

function formatted(text: string): string {
  const result = format({ name: 'test.conf', text });
  assert.deepEqual(result.findings, []);
  return result.text ?? '';
}

/** The tree stays, and the layout is the same when it is made again. */
function holds(text: string): void {
  const before = parse({ name: 'before.conf', text });
  const result = formatted(text);
  const after = parse({ name: 'after.conf', text: result });
  assert.deepEqual(after.mistakes, []);
  assert.deepEqual(meaning(after.items), meaning(before.items));
  assert.equal(formatted(result), result);
  assert.doesNotMatch(result, /^\xef\xbb\xbf/);
}

test('a configuration keeps its tree, and is not changed a second time', () => {
  let count = 0;
  fc.assert(
    fc.property(configuration, (text) => {
      if (parse({ name: 'test.conf', text }).mistakes.length > 0) return;
      count++;
      holds(text);
    }),
    { numRuns: 1500 },
  );
  assert.ok(count > 700, `only ${count} texts were right`);
});

test('no bytes end the formatter, and what it refuses it says why', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const { text, findings } = format({ name: 'test.conf', text: Buffer.from(bytes).toString('latin1') });
      assert.equal(text === null, findings.length > 0);
    }),
    { numRuns: 500 },
  );
});

for (const directory of ['conf', 'test/conf']) {
  test(`all configurations in ${directory}/ keep their tree`, () => {
    const files = readdirSync(join(ROOT, directory), { recursive: true, encoding: 'utf8' }).filter((name) =>
      /\.(conf|types)$/.test(name),
    );
    assert.ok(files.length > 1);
    for (const name of files) {
      const text = readFileSync(join(ROOT, directory, name), 'latin1');
      const refused = parse({ name, text }).mistakes.length > 0 || name.includes('too-deep/triggers');
      if (refused) assert.equal(format({ name, text }).text, null, name);
      else holds(text);
    }
  });
}

test('the configurations that come with it are in the canonical layout', () => {
  const examples = readdirSync(join(ROOT, 'conf/examples'))
    .filter((name) => name.endsWith('.conf'))
    .map((name) => join('examples', name));
  for (const name of ['demo.conf', 'mime.types', ...examples]) {
    const text = readFileSync(join(ROOT, 'conf', name), 'latin1');
    assert.equal(formatted(text), text, name);
  }
});

test('the example in docs/fmt.md is in the canonical layout', () => {
  const [, example = ''] = /```nginx\n(.*?)```/s.exec(readFileSync(join(ROOT, 'docs/fmt.md'), 'latin1')) ?? [];
  assert.notEqual(example, '');
  assert.equal(formatted(example), example);
});

test('aligned words are parted by one space, and line breaks between them stay', () => {
  assert.equal(
    formatted(
      "events { }\nhttp {\n\n\n  log_format  main  '$remote_addr \"$request\" '\n                    '$status';\n  map $a $b { default   1;\n    ~^/x    2; } # m\n  upstream u { server a:1 weight=2; # one\n }}\n",
    ),
    `events {}
http {
    log_format main '$remote_addr "$request" '
        '$status';
    map $a $b {
        default 1;
        ~^/x 2;
    } # m
    upstream u {
        server a:1 weight=2; # one
    }
}
`,
  );
});

test('bytes that are no UTF-8 stay, CRLF and a byte order mark go', () => {
  assert.equal(
    formatted('\xef\xbb\xbfa \xff"\xe9;\r\n# \xc3\xa0\r\nb "x\r\ny";\r\n'),
    'a \xff"\xe9;\n# \xc3\xa0\nb "x\r\ny";\n',
  );
});

test('what is included is told', () => {
  const { includes } = format({ name: 'a', text: 'include a; http { include "b*.conf"; map $a $b { include c; } }' });
  assert.deepEqual(includes, ['a', 'b*.conf', 'c']);
});

test('a text with mistakes is left alone, and all of them are reported', () => {
  const { text, findings } = format({ name: 'a', text: 'a "b"c;\nd {\n' });
  assert.equal(text, null);
  assert.deepEqual(
    findings.map(({ message }) => message),
    ['unexpected "c"', 'unexpected end of file, expecting "}"'],
  );
});

const REFUSED: readonly (readonly [fact: string, text: string, message: RegExp])[] = [
  ['a binary file', `user a;\0${'\x7fELF'.repeat(1000)}`, /^"test\.conf" is not a text file$/],
  ['more than 16 MiB', '# a\n'.repeat(5_000_000), /^"test\.conf" is too long: 20000000 bytes$/],
  ['millions of braces', '{'.repeat(3_000_000), /^"test\.conf" is too long$/],
  ['millions of directives', 'a;'.repeat(1_500_000), /^"test\.conf" is too long$/],
  ['blocks more than 500 deep', `${'a {'.repeat(600)}b;${'}'.repeat(600)}`, /^blocks nest more than 500 deep$/],
  ['a line of 1 MB without a blank', 'a'.repeat(1_000_000), /^too long parameter "aaaaaaaaaa\.\.\." started$/],
];
for (const [fact, text, message] of REFUSED) {
  test(`refused: ${fact}`, () => {
    const result = format({ name: 'test.conf', text });
    assert.equal(result.text, null);
    assert.match(result.findings[0]?.message ?? '', message);
  });
}

test('a long line of words is laid out', () => {
  const text = `a${' b'.repeat(100_000)};\n`;
  assert.equal(formatted(text), text);
});

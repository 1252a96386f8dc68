import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { isStatement, parse, positionOf } from '../../grammar/index.js';

/** Where Debian, Alpine and nginx's own packages put the program. */
const NGINX = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/local/nginx/sbin/nginx'].find((path) => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
});
const skip = NGINX === undefined ? 'nginx is not installed: there is nothing to compare with' : false;

const directory = mkdtempSync(join(tmpdir(), 'tsproxy-grammar-'));
after(() => rmSync(directory, { recursive: true, force: true }));

/** nginx's message and line for a text; null if it accepts the text. */
function nginxSays(text: string): { message: string; line: number } | null {
  const file = join(directory, 'nginx.conf');
  writeFileSync(file, text, 'latin1');
  const { stderr } = spawnSync(NGINX ?? '', ['-t', '-q', '-p', directory, '-c', file, '-e', join(directory, 'log')], {
    encoding: 'latin1',
    timeout: 20_000,
  });
  const start = stderr.indexOf('[emerg] ');
  if (start === -1) return null;
  const found = /^([\s\S]*?)(?: in [^\n]*nginx\.conf:(\d+))?\n/.exec(stderr.slice(start + '[emerg] '.length));
  return { message: found?.[1] ?? stderr, line: Number(found?.[2] ?? 0) };
}

const SYNTAX = /^(unexpected |too long parameter)/;

/** The body of a `types` block may hold statements of any words, so there only the token rules decide. */
function inTypes(body: string): string {
  return `pid ${directory}/pid;\nevents {}\nhttp {\naccess_log off;\ntypes_hash_max_size 65536;\ntypes {\n${body}\n}\n}\n`;
}

function assertSame(text: string): void {
  const tree = parse({ name: 'nginx.conf', text });
  const ours = tree.mistakes.map(({ at, message }) => `${positionOf(tree.source, at.start).line}: ${message}`);
  const theirs = nginxSays(text);
  const shown = JSON.stringify(text.length < 500 ? text : `${text.slice(0, 200)} ... ${text.slice(-200)}`);
  if (theirs && SYNTAX.test(theirs.message)) {
    // Inside of `types`, nginx refuses every block with this sentence; that is no matter of the grammar.
    if (theirs.message === 'unexpected "{"') return;
    assert.ok(ours.includes(`${theirs.line}: ${theirs.message}`), `${shown}: ${JSON.stringify({ ours, theirs })}`);
  } else if (theirs === null) {
    assert.deepEqual(ours, [], shown);
  }
}

const TRICKY: readonly string[] = [
  'a b;',
  'a "b"c;',
  'a "b" c;',
  'a "b"#c\n;',
  'a "b"}',
  'a \'b\'"c";',
  'a "b")c;',
  'a b"c d"e;',
  "a it's;",
  'a "b',
  "a 'b\n;\nc 'd';",
  'a b\\',
  'a b\\;',
  'a b\\ c;',
  'a \\{b;',
  'a ${b};',
  'a ${{{b;',
  'a $$${b}c;',
  'a "${b";',
  'a b}c;',
  'a b }',
  'a b } c;',
  'a }',
  ';',
  'a;;',
  'a b#c;',
  'a #b;\n;',
  '# a; { } "',
  'a # b',
  'a\r\nb;\r\n',
  'a "b\r\nc";',
  'a b',
  'a "b" ; c',
  '"a" b;',
  "'' b;",
  'a "";',
  'a \f;',
  'a \xa0b;',
  'a \xff\xfe;',
  'a "\xc3\xa4";',
  '}',
  `a ${'x'.repeat(4095)};`,
  `a ${'x'.repeat(4096)};`,
  `a ${'x'.repeat(4095)} ;`,
  `a ${'x'.repeat(4094)} ;`,
  `a "${'x'.repeat(4093)}" ;`,
  `a "${'x'.repeat(4094)}" ;`,
  `a "${'x'.repeat(4094)}";`,
  `a "${'x'.repeat(4094)}")b;`,
  `a "${'x'.repeat(4095)}";`,
  `a "${'x'.repeat(4095)}")b;`,
  `a "${'x'.repeat(4096)}";`,
  `a "${'x\n'.repeat(3000)}";`,
  `a '${'x'.repeat(3000)}\n;`,
  `#${'x'.repeat(4094)}\na;`,
  `#${'x'.repeat(4095)}\na;`,
  `#${'x'.repeat(4094)}\r\na;`,
  `#${'x'.repeat(4093)}\r\na;`,
  `${' '.repeat(10_000)}a${' '.repeat(10_000)}b;`,
  `a ${'b '.repeat(5000)};`,
];

test('tricky texts are refused where nginx refuses them, in its words', { skip }, () => {
  assert.equal(nginxSays(inTypes('a b;')), null);
  for (const text of TRICKY) assertSame(inTypes(text));
});

const ENDS: readonly string[] = [
  'events {',
  'events { worker_connections 10',
  'events { worker_connections 10;',
  'events { worker_connections 10 }',
  'events {} }',
  'events {};',
  'events {} ; user a;',
  '{ }',
  'user',
  'user "a',
  'user \\',
  'events {} # end',
  `events {}#${'x'.repeat(4096)}`,
  `events {}#${'x'.repeat(4095)}`,
  `events {}#${'x'.repeat(5000)}\n`,
  'events {\n# a\n',
];

test('texts end where nginx says that they do', { skip }, () => {
  for (const text of ENDS) assertSame(`pid ${directory}/pid;\n${text}`);
});

test('words have the values that nginx reads', { skip }, () => {
  const words = [
    'plain',
    '"double \\" quoted"',
    "'single \\' \\\" quoted'",
    'a\\"b',
    'a\\\\b',
    '"\\\\\\\\"',
    'a\\tb\\rc',
    '\\d\\w\\;\\{\\ \\#x',
    '\\#',
    '${a}{2}'.slice(0, 4),
    'a$b{'.slice(0, 3),
    '"a$"',
    'a#b"c\'d}',
    '"\\t\\x\\$"',
    '$',
    '${{x',
  ];
  for (const word of words) {
    const [statement] = parse({ name: 'test.conf', text: `${word} ;` }).items;
    assert.ok(statement && isStatement(statement));
    assert.equal(nginxSays(`${word} ;`)?.message, `unknown directive "${statement.name.text}"`);
  }
});

test('random texts are refused where nginx refuses them', { skip }, () => {
  const piece = fc.constantFrom('a', ' b', ' ', '"', "'", '\\', '$', '${', '}', '#', ')', ';', ';\n', '\n', '\r\n');
  const body = fc.array(piece, { minLength: 1, maxLength: 14 }).map((pieces) => `a ${pieces.join('')}`);
  fc.assert(
    fc.property(body, (text) => assertSame(inTypes(text))),
    { numRuns: 150 },
  );
});

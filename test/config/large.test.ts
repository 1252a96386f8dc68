/** Texts that are large or wrong beyond all measure: they end, with findings, in time that grows as the text does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../../src/config/check.js';
import { renderFindings } from '../../src/diagnostics/render.js';
import { modules } from '../../src/modules/index.js';

const inServer = (body: string) => `events {}\nhttp { server { listen 8080;\n${body}\n} }`;
const findings = (text: string) => check({ name: 'nginx.conf', text }, modules, { prefix: '/nonexistent/' }).findings;
const lines = (count: number, line: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => line(i)).join('\n');

test('tens of thousands of unknown directives are all found, and shown up to a thousand', () => {
  const found = findings(inServer(lines(30_000, (i) => `proxy_pas${i} x;`)));
  assert.equal(found.length, 30_000);
  assert.match(found[0]?.help ?? '', /did you mean "proxy_pass"/);
  const text = renderFindings(found);
  assert.equal(text.match(/^tsproxy: /gm)?.length, 1000);
  assert.match(text, /\nthe first 1000 of 30000 errors\n$/);
});

test('tens of thousands of unknown variables are all found', () => {
  assert.equal(findings(inServer(lines(20_000, (i) => `set $a${i} $b${i};`))).length, 20_000);
});

test('missing semicolons are put in a hundred times in a row, and no more', () => {
  const found = findings(inServer('root /x\n'.repeat(50_000)));
  // And the one at the end, before the brace.
  assert.equal(found.filter(({ code }) => code === 'missing-semicolon').length, 101);
});

test('a line of a megabyte has a frame for each of its findings', () => {
  const found = findings(inServer(`server_name ${'a b '.repeat(100_000)};`));
  // As many as are kept.
  assert.equal(found.length, 100_000);
  const text = renderFindings(found.slice(-3));
  assert.match(text, /\n3 \| \.\.\.(?:[ab] )+\.\.\.\n/);
  assert.ok(text.length < 4000);
});

test('groups nest as deep as PCRE lets them', () => {
  const nested = (depth: number) => inServer(`location ~ "${'('.repeat(depth)}a${')'.repeat(depth)}" { }`);
  assert.deepEqual(findings(nested(250)), []);
  assert.match(
    findings(nested(251))[0]?.message ?? '',
    /^pcre2_compile\(\) failed: parentheses are too deeply nested in /,
  );
  assert.ok(findings(nested(100_000)).length > 0);
});

test('a regular expression of a megabyte is refused for its length', () => {
  assert.match(
    findings(inServer(`location ~ "${'a'.repeat(1_000_000)}" { }`))[0]?.message ?? '',
    /^too long parameter/,
  );
});

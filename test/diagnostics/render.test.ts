import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Source, Span } from '../../grammar/syntax-tree.js';
import type { Finding } from '../../src/diagnostics/finding.js';
import { findingsToJson } from '../../src/diagnostics/json.js';
import { sentence } from '../../src/diagnostics/log-message.js';
import { COMMAND_LINE } from '../../src/diagnostics/place.js';
import { renderFinding, renderFindings, summary } from '../../src/diagnostics/render.js';

function source(text: string, name = '/etc/nginx.conf'): Source {
  return { name, text: Buffer.from(text, 'utf8').toString('latin1') };
}

function spanOf(where: Source, words: string): Span {
  const bytes = Buffer.from(words, 'utf8').toString('latin1');
  const start = where.text.indexOf(bytes);
  return { source: where, start, end: start + bytes.length };
}

const conf = source('http {\n  server {\n\tproxy_pas http://a;\n  }\n}\n');
const unknown: Finding = {
  code: 'unknown-directive',
  severity: 'error',
  message: 'unknown directive "proxy_pas"',
  at: spanOf(conf, 'proxy_pas'),
  help: 'did you mean "proxy_pass"?',
  fix: { title: 'write proxy_pass', edits: [{ at: spanOf(conf, 'proxy_pas'), text: 'proxy_pass' }] },
};

test('the sentence of nginx comes first, then the words in their line, then what helps', () => {
  assert.equal(
    renderFinding(unknown),
    `tsproxy: [emerg] unknown directive "proxy_pas" in /etc/nginx.conf:3
  --> /etc/nginx.conf:3:2 (unknown-directive)
  |
3 |  proxy_pas http://a;
  |  ^^^^^^^^^
  = help: did you mean "proxy_pass"?
`,
  );
});

test('other places and the includes that led there are shown', () => {
  const text = renderFinding({
    ...unknown,
    severity: 'warning',
    related: [{ at: spanOf(conf, 'server'), message: 'in this block' }],
    includedFrom: [spanOf(source('\ninclude x;', '/a'), 'include x'), spanOf(source('include y;', '/b'), 'include y')],
  });
  assert.match(text, /^tsproxy: \[warn\] /);
  assert.match(text, / {2}= see: in this block: \/etc\/nginx\.conf:2:3\n {2}\|\n2 \| {3}server \{\n {2}\| {3}\^{6}\n/);
  assert.match(text, / {2}= included from: \/b:1:1\n {2}= included from: \/a:2:1\n$/);
});

test('a finding about no place has no frame', () => {
  assert.equal(
    renderFinding({ code: 'file-not-found', severity: 'error', message: 'open() "/x" failed', at: null }),
    'tsproxy: [emerg] open() "/x" failed\n  --> (file-not-found)\n',
  );
});

test('what came with -g is shown as part of the command line', () => {
  const globals = source('daemon maybe;', COMMAND_LINE);
  assert.equal(
    sentence({
      code: 'invalid-value',
      severity: 'error',
      message: 'invalid value "maybe"',
      at: spanOf(globals, 'maybe'),
    }),
    'invalid value "maybe" in command line',
  );
});

test('columns count characters, and what is shown is UTF-8', () => {
  const umlaut = source('größe "äöü" 1;');
  const text = renderFinding({
    ...unknown,
    message: Buffer.from('unknown "äöü"').toString('latin1'),
    at: spanOf(umlaut, '"äöü"'),
  });
  assert.match(text, /unknown "äöü" in/);
  assert.match(text, /nginx\.conf:1:7 /);
  assert.match(text, /1 \| größe "äöü" 1;\n {2}\| {7}\^{5}\n/);
});

test('control characters do not reach the terminal', () => {
  const text = renderFinding({ ...unknown, at: spanOf(source('a\x1b[31mb;'), 'b') });
  assert.ok(!text.includes('\x1b'));
});

test('a long line is cut around the place', () => {
  const long = source(`${'x'.repeat(1_000_000)} here ${'y'.repeat(1000)}`);
  const text = renderFinding({ ...unknown, at: spanOf(long, 'here') });
  const [, , , line = '', marks = ''] = text.split('\n');
  assert.ok(line.length < 150);
  assert.equal(line.indexOf('here'), marks.indexOf('^^^^'));
});

test('several lines are marked each, and many are cut', () => {
  const lines = source('a "b\n  c\nd\ne\nf";');
  const text = renderFinding({ ...unknown, at: { source: lines, start: 2, end: lines.text.length - 1 } });
  assert.match(text, /1 \| a "b\n {2}\| {3}\^\^\n2 \| {3}c\n {2}\| {3}\^\n3 \| d\n {2}\| \^\n {2}\| \.\.\.\n/);
});

test('a place at the end of the text is marked too', () => {
  const end = source('a b');
  assert.match(renderFinding({ ...unknown, at: { source: end, start: 3, end: 3 } }), /1 \| a b\n {2}\| {4}\^\n/);
});

test('colours are used only where they are asked for', () => {
  assert.ok(!renderFinding(unknown).includes('\x1b'));
  assert.match(renderFinding(unknown, { color: true }), /\x1b\[31m\[emerg\]\x1b\[0m/);
});

test('all findings are summed up at the end', () => {
  const warning: Finding = { ...unknown, severity: 'warning' };
  assert.equal(summary([unknown, unknown, warning]), '2 errors, 1 warning');
  assert.match(renderFindings([unknown, warning]), /\n\n.*\n\n1 error, 1 warning\n$/s);
  assert.equal(renderFindings([]), '');
});

test('the same as data: places from 1, edits and all', () => {
  assert.deepEqual(findingsToJson([unknown]), [
    {
      code: 'unknown-directive',
      severity: 'error',
      message: 'unknown directive "proxy_pas"',
      at: { file: '/etc/nginx.conf', line: 3, column: 2, endLine: 3, endColumn: 11 },
      help: 'did you mean "proxy_pass"?',
      fix: {
        title: 'write proxy_pass',
        edits: [{ at: { file: '/etc/nginx.conf', line: 3, column: 2, endLine: 3, endColumn: 11 }, text: 'proxy_pass' }],
      },
    },
  ]);
});

test('equal findings in four places are one with its places, those in three are shown each', () => {
  const text = 'a x;\nb x;\nc x;\nd x;\ne x;\nf x;\n';
  const at = (name: string): Finding => ({ ...unknown, at: spanOf(source(text, '/etc/n.conf'), name) });
  const equal = ['a x', 'b x', 'c x', 'd x', 'e x', 'f x'].map(at);
  const rendered = renderFindings(equal);
  assert.equal(rendered.match(/unknown directive "proxy_pas"/g)?.length, 1);
  assert.match(
    rendered,
    /= also: \/etc\/n\.conf:2:1, \/etc\/n\.conf:3:1, \/etc\/n\.conf:4:1, \/etc\/n\.conf:5:1 and 1 more\n/,
  );
  assert.match(rendered, /\n6 errors\n$/);
  assert.equal(renderFindings(equal, { all: true }).match(/unknown directive "proxy_pas"/g)?.length, 6);
  assert.equal(renderFindings(equal.slice(0, 3)).match(/unknown directive "proxy_pas"/g)?.length, 3);
  const other: Finding = { ...unknown, message: 'another', at: spanOf(conf, 'server') };
  assert.match(renderFindings([...equal, other]), /another in \/etc\/nginx\.conf:2\n/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Source } from '../../grammar/syntax-tree.js';
import { codes } from '../../src/diagnostics/codes.js';
import type { Finding, FindingCode, Severity } from '../../src/diagnostics/finding.js';
import { IgnoreComments } from '../../src/diagnostics/ignore-comments.js';
import { checkConfig } from '../../src/index.js';

/** A finding at each place where the words stand. */
function found(source: Source, words: string, code: FindingCode, severity: Severity = 'warning'): Finding[] {
  return [...source.text.matchAll(new RegExp(words, 'g'))].map(({ index }) => {
    return { code, severity, message: words, at: { source, start: index, end: index + words.length } };
  });
}

const knows = (code: string) => code in codes;
const source = (text: string): Source => ({ name: '/nginx.conf', text });

/** Lines whose findings are still reported, and the findings about the comments. */
function judged(text: string, findings: (source: Source) => readonly Finding[], complete = true) {
  const read = source(text);
  const comments = new IgnoreComments([read]);
  const heard = comments.unsuppressed(findings(read)).map(({ at }) => text.slice(0, at?.start).split('\n').length);
  return { heard, unused: comments.unused(knows, Object.keys(codes), complete) };
}

test('a comment silences a warning of its code on its line', () => {
  const text = 'x; # tsproxy-ignore: duplicate-value\nx;\n';
  assert.deepEqual(
    judged(text, (s) => found(s, 'x;', 'duplicate-value')),
    { heard: [2], unused: [] },
  );
});

test('alone on its line it is about the next one, over other comments', () => {
  const text = '# tsproxy-ignore: duplicate-value\n# because\nx;\nx;\n';
  assert.deepEqual(
    judged(text, (s) => found(s, 'x;', 'duplicate-value')),
    { heard: [4], unused: [] },
  );
});

test('it may name several codes, and a reason after them', () => {
  const text = 'x; # tsproxy-ignore: no-effect, duplicate-value: the old machine wants it\n';
  const both = (s: Source) => [...found(s, 'x;', 'duplicate-value'), ...found(s, 'x;', 'no-effect', 'hint')];
  assert.deepEqual(judged(text, both), { heard: [], unused: [] });
});

test('other codes are heard', () => {
  const text = 'x; # tsproxy-ignore: duplicate-value\n';
  assert.deepEqual(
    judged(text, (s) => [...found(s, 'x;', 'duplicate-value'), ...found(s, 'x;', 'no-effect')]).heard,
    [1],
  );
});

test('an error cannot be silenced, and the comment is told so', () => {
  const text = 'x; # tsproxy-ignore: invalid-value\n';
  const { heard, unused } = judged(text, (s) => found(s, 'x;', 'invalid-value', 'error'), false);
  assert.deepEqual(heard, [1]);
  assert.deepEqual(
    unused.map(({ code, severity, help }) => [code, severity, help]),
    [['unused-ignore', 'hint', 'errors cannot be silenced']],
  );
});

test('a code that silences nothing is a hint with its own place, and the fix takes it away', () => {
  const remove = (text: string) => {
    const { unused } = judged(text, () => []);
    let rest = text;
    for (const { fix } of [...unused].reverse()) {
      for (const { at } of fix?.edits ?? []) rest = rest.slice(0, at.start) + rest.slice(at.end);
    }
    return { at: unused.map(({ at }) => text.slice(at?.start, at?.end)), rest };
  };
  assert.deepEqual(remove('x; # tsproxy-ignore: duplicate-value\ny;'), { at: ['duplicate-value'], rest: 'x;\ny;' });
  assert.deepEqual(remove('{\n  # tsproxy-ignore: duplicate-value\n  y; }'), {
    at: ['duplicate-value'],
    rest: '{\n  y; }',
  });
  assert.deepEqual(remove('x; # tsproxy-ignore:\n'), { at: ['# tsproxy-ignore:'], rest: 'x;\n' });
});

test('of several codes only those without use are taken away', () => {
  const text = 'x; # tsproxy-ignore: no-effect, duplicate-value, syntax\n';
  const { unused } = judged(text, (s) => found(s, 'x;', 'duplicate-value'));
  assert.deepEqual(
    unused.map(({ fix }) => fix?.edits.map(({ at }) => text.slice(at.start, at.end))),
    [['no-effect, '], [', syntax']],
  );
});

test('a misspelt code is told the right one, whatever else is wrong', () => {
  const { unused } = judged('x; # tsproxy-ignore: duplicate-valu\n', () => [], false);
  assert.deepEqual(
    unused.map(({ message, help }) => [message, help]),
    [['there is no code "duplicate-valu"', 'did you mean "duplicate-value"?']],
  );
});

test('where not everything was checked, codes that silence nothing are not reported', () => {
  assert.deepEqual(judged('x; # tsproxy-ignore: duplicate-value\n', () => [], false).unused, []);
});

test('what only looks like a comment is none', () => {
  const text = 'x "# tsproxy-ignore: duplicate-value";\n';
  assert.deepEqual(
    judged(text, (s) => found(s, 'x ', 'duplicate-value')),
    { heard: [1], unused: [] },
  );
});

test('a file that is included twice has its comments once', () => {
  const twice = [source('x; # tsproxy-ignore: duplicate-value\n'), source('x; # tsproxy-ignore: duplicate-value\n')];
  const comments = new IgnoreComments(twice);
  assert.equal(comments.size, 1);
  assert.deepEqual(comments.unsuppressed(twice.flatMap((each) => found(each, 'x;', 'duplicate-value'))), []);
});

test('the library hears comments as the command does', () => {
  const text = 'events {}\nhttp {\n  error_log off; # tsproxy-ignore: error-log-off\n}\n';
  assert.deepEqual(checkConfig(text).findings, []);
});

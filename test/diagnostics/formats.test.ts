/** Findings for programs. The structure of SARIF is checked against what its schema demands of the parts that are used. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Source, Span } from '../../grammar/syntax-tree.js';
import { allStories } from '../../src/cli/code-stories.js';
import { documentUrl, REPOSITORY } from '../../src/diagnostics/documents.js';
import type { Finding } from '../../src/diagnostics/finding.js';
import { findingsToGithub } from '../../src/diagnostics/github.js';
import { COMMAND_LINE } from '../../src/diagnostics/place.js';
import { findingsToSarif } from '../../src/diagnostics/sarif.js';

const bytes = (text: string) => Buffer.from(text, 'utf8').toString('latin1');
const conf: Source = { name: bytes('/home/me/sites/ä b.conf'), text: bytes('events {}\nhttp { "ä" sendfle;\n}') };
const elsewhere: Source = { name: '/etc/x.conf', text: 'include y;' };
const globals: Source = { name: COMMAND_LINE, text: 'daemon maybe;' };

function spanOf(source: Source, words: string): Span {
  const start = source.text.indexOf(words);
  return { source, start, end: start + words.length };
}

const findings: readonly Finding[] = [
  {
    code: 'unknown-directive',
    severity: 'error',
    message: 'unknown directive "sendfle"',
    at: spanOf(conf, 'sendfle'),
    help: 'did you mean "sendfile"?\n100%',
    fix: { title: 'write sendfile', edits: [{ at: spanOf(conf, 'sendfle'), text: 'sendfile' }] },
    related: [{ at: spanOf(conf, 'http'), message: 'in here' }],
    includedFrom: [spanOf(elsewhere, 'include y')],
  },
  { code: 'invalid-value', severity: 'warning', message: 'maybe', at: spanOf(globals, 'maybe') },
  { code: 'missing-events', severity: 'hint', message: 'none', at: null },
  { code: 'invalid-value', severity: 'error', message: 'lines', at: spanOf(conf, 'http { "') },
];

test('GitHub gets a command for each finding, with what it could misread escaped', () => {
  const several: Finding = { ...findings[3], at: { source: conf, start: 0, end: 15 } } as Finding;
  assert.deepEqual(findingsToGithub([...findings.slice(0, 3), several], '/home/me/').split('\n'), [
    '::error file=sites/ä b.conf,line=2,col=12,endColumn=18,title=unknown-directive::unknown directive "sendfle"%0Adid you mean "sendfile"?%0A100%25',
    '::warning title=invalid-value::maybe',
    '::notice title=missing-events::none',
    '::error file=sites/ä b.conf,line=1,endLine=2,title=invalid-value::lines',
    '',
  ]);
  const odd: Finding = { ...findings[3], at: spanOf({ name: '/a,b:c', text: 'x' }, 'x') } as Finding;
  assert.match(findingsToGithub([odd], '/home/'), /^::error file=\/a%2Cb%3Ac,line=1,/);
});

/** The properties that SARIF 2.1.0 has of each object that is written; those with `!` are required. */
const SHAPES: Readonly<Record<string, string>> = {
  log: '$schema version! runs!',
  run: 'tool! results columnKind originalUriBaseIds',
  tool: 'driver!',
  driver: 'name! version informationUri rules',
  rule: 'id! name shortDescription fullDescription help helpUri',
  result: 'ruleId ruleIndex level message! locations relatedLocations fixes',
  location: 'id physicalLocation message',
  physicalLocation: 'artifactLocation region',
  artifactLocation: 'uri uriBaseId description',
  region: 'startLine startColumn endLine endColumn',
  fix: 'description artifactChanges!',
  artifactChange: 'artifactLocation! replacements!',
  replacement: 'deletedRegion! insertedContent',
  text: 'text! markdown',
};

/** The shape of what a property holds. */
const PARTS: Readonly<Record<string, string>> = {
  runs: 'run',
  tool: 'tool',
  driver: 'driver',
  rules: 'rule',
  results: 'result',
  locations: 'location',
  relatedLocations: 'location',
  physicalLocation: 'physicalLocation',
  artifactLocation: 'artifactLocation',
  region: 'region',
  deletedRegion: 'region',
  fixes: 'fix',
  artifactChanges: 'artifactChange',
  replacements: 'replacement',
  ...{
    message: 'text',
    shortDescription: 'text',
    fullDescription: 'text',
    help: 'text',
    description: 'text',
    insertedContent: 'text',
  },
};

function conforms(value: unknown, shape: string): void {
  const properties = (SHAPES[shape] ?? '').split(' ');
  const object = value as Record<string, unknown>;
  for (const name of properties.filter((each) => each.endsWith('!'))) assert.ok(name.slice(0, -1) in object, name);
  for (const [name, inner] of Object.entries(object)) {
    assert.ok(properties.includes(name) || properties.includes(`${name}!`), `${shape}.${name}`);
    const part = PARTS[name];
    if (part !== undefined) for (const each of [inner].flat()) conforms(each, part);
  }
  if (shape === 'region') {
    const { startLine, startColumn, endLine, endColumn } = object as Record<string, number>;
    for (const number of [startLine, startColumn, endLine, endColumn])
      assert.ok(Number.isInteger(number) && number! >= 1);
  }
  if (shape === 'artifactLocation' && 'uri' in object) {
    assert.match(String(object.uri), 'uriBaseId' in object ? /^[^/:][^ ]*$/ : /^file:\/\/\/[^ ]+$/);
  }
  if (shape === 'rule') {
    assert.match(String(object.id), /^[a-z0-9-]+$/);
    assert.ok(new URL(String(object.helpUri)).protocol === 'https:');
  }
  if (shape === 'text') assert.equal(typeof object.text, 'string');
  if (shape === 'result') assert.ok(['none', 'note', 'warning', 'error'].includes(String(object.level)));
  for (const list of ['locations', 'relatedLocations', 'fixes', 'artifactChanges', 'replacements']) {
    if (list in object) assert.ok((object[list] as unknown[]).length > 0, `${list} is empty`);
  }
}

interface Log {
  readonly version: string;
  readonly runs: readonly {
    readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } };
    readonly originalUriBaseIds: Readonly<Record<string, { readonly uri: string }>>;
    readonly results: readonly Readonly<Record<string, unknown>>[];
  }[];
}

function sarif(of: readonly Finding[]): Log {
  const log = findingsToSarif(of, {
    version: '1.2.3',
    homepage: 'https://example.com/',
    storyOf: (code) => `About \`${code}\`, e.g. this. More about it.`,
    urlOf: (code) => `https://example.com/codes#${code}`,
    directory: '/home/me/',
  });
  return JSON.parse(JSON.stringify(log)) as Log;
}

test('SARIF has the properties that 2.1.0 knows, and all that it demands', () => {
  const log = sarif(findings);
  conforms(log, 'log');
  assert.equal(log.version, '2.1.0');
  conforms(sarif([]), 'log');
});

test('SARIF has a rule for each code, and each result names its rule', () => {
  const [run] = sarif(findings).runs;
  const rules = run?.tool.driver.rules.map(({ id }) => id);
  assert.deepEqual(rules, ['invalid-value', 'missing-events', 'unknown-directive']);
  assert.deepEqual(
    run?.results.map(({ ruleId, ruleIndex, level }) => [ruleId, rules?.[Number(ruleIndex)] === ruleId, level]),
    [
      ['unknown-directive', true, 'error'],
      ['invalid-value', true, 'warning'],
      ['missing-events', true, 'note'],
      ['invalid-value', true, 'error'],
    ],
  );
});

test('SARIF describes each rule shortly and in full, with a link', () => {
  const rules = sarif(findings).runs[0]?.tool.driver.rules ?? [];
  assert.deepEqual(rules[0], {
    id: 'invalid-value',
    name: 'InvalidValue',
    shortDescription: { text: 'About invalid-value, e.g. this.' },
    fullDescription: { text: 'About invalid-value, e.g. this. More about it.' },
    help: {
      text: 'About invalid-value, e.g. this. More about it.\n\nhttps://example.com/codes#invalid-value',
      markdown:
        'About `invalid-value`, e.g. this. More about it.\n\n[invalid-value](https://example.com/codes#invalid-value)',
    },
    helpUri: 'https://example.com/codes#invalid-value',
  });
});

test('SARIF names files from the directory, and others whole', () => {
  const [run] = sarif(findings).runs;
  const [first] = run?.results ?? [];
  assert.deepEqual(run?.originalUriBaseIds, { SRCROOT: { uri: 'file:///home/me/' } });
  const region = { startLine: 2, startColumn: 12, endLine: 2, endColumn: 19 };
  const artifactLocation = { uri: 'sites/%C3%A4%20b.conf', uriBaseId: 'SRCROOT' };
  assert.deepEqual(first?.locations, [{ physicalLocation: { artifactLocation, region } }]);
  assert.deepEqual(first?.fixes, [
    {
      description: { text: 'write sendfile' },
      artifactChanges: [
        { artifactLocation, replacements: [{ deletedRegion: region, insertedContent: { text: 'sendfile' } }] },
      ],
    },
  ]);
  assert.match(JSON.stringify(first?.relatedLocations), /"uri":"file:\/\/\/etc\/x\.conf".*"included from here"/);
});

test('every code has a short description, and a link to its section of docs/codes.md', async () => {
  const page = readFileSync(new URL('../../../docs/codes.md', import.meta.url), 'utf8');
  const stories = new Map((await allStories()).map(({ code, story }) => [code, story]));
  const all = [...stories.keys()].map((code) => ({ code, severity: 'hint', message: 'x', at: null }) as Finding);
  const log = findingsToSarif(all, {
    version: '1',
    homepage: REPOSITORY,
    storyOf: (code) => stories.get(code) ?? '',
    urlOf: (code) => documentUrl(`docs/codes.md#${code}`),
    directory: '/',
  }) as Log;
  conforms(JSON.parse(JSON.stringify(log)), 'log');
  const rules = log.runs[0]?.tool.driver.rules as readonly {
    readonly id: string;
    readonly shortDescription: { readonly text: string };
    readonly helpUri: string;
  }[];
  assert.equal(rules.length, stories.size);
  for (const { id, shortDescription, helpUri } of rules) {
    assert.ok(
      shortDescription.text.length > 10 && shortDescription.text.length < 400,
      `${id}: ${shortDescription.text}`,
    );
    const [, anchor] = helpUri.split('#');
    assert.ok(page.includes(`\n### ${anchor}\n`), helpUri);
  }
});

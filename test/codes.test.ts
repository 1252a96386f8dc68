/** Requirements for every code: some text has a finding with it, and a similar text has none. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import Module from 'node:module';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { positionOf } from '../grammar/positions.js';
import { codeStories } from '../src/cli/code-stories.js';
import { diagnose } from '../src/cli/diagnosis.js';
import { codes } from '../src/diagnostics/codes.js';
import type { Finding } from '../src/diagnostics/finding.js';
import { sentence } from '../src/diagnostics/log-message.js';
import { lints } from '../src/lints/index.js';
import { parseVersion } from '../src/lints/release/version.js';
import { expectedFindings } from './config/corpus.js';

const CORPUS = fileURLToPath(new URL('../../test/conf/', import.meta.url));

/** The texts of a code: those of a checker's code and those of a lint's. */
function textsOf(code: string): readonly string[] {
  const directory = join(CORPUS, code in codes ? 'codes' : 'lints', code);
  return (existsSync(directory) ? readdirSync(directory) : [])
    .filter((name) => /^(triggers|passes).*\.conf$/.test(name))
    .map((name) => join(directory, name));
}

/** Findings of `-t`, as declared by texts; without those of lints, which have their own texts. */
async function found(path: string): Promise<readonly Finding[]> {
  const [, hidden] = /^# without: (.+)$/m.exec(readFileSync(path, 'latin1')) ?? [];
  return hidden === undefined ? diagnosed(path) : withoutPackage(hidden, () => diagnosed(path));
}

/** Calls a function while Node does not find a package. */
async function withoutPackage<T>(name: string, action: () => Promise<T>): Promise<T> {
  const internal = Module as unknown as { _resolveFilename(request: string, ...rest: unknown[]): string };
  const resolve = internal._resolveFilename;
  internal._resolveFilename = function (request, ...rest) {
    if (request !== name) return resolve.call(this, request, ...rest);
    throw Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' });
  };
  try {
    return await action();
  } finally {
    internal._resolveFilename = resolve;
  }
}

async function diagnosed(path: string): Promise<readonly Finding[]> {
  const [, version] = /^# nginx: (.+)$/m.exec(readFileSync(path, 'latin1')) ?? [];
  const release = version === undefined ? null : parseVersion(version);
  const { findings } = await diagnose({ name: path, text: null, prefix: '/nonexistent/' }, [], true, release);
  return findings.filter(({ code }) => code in codes);
}

function described({ code, at }: Finding, path: string): string {
  if (at === null) return code;
  const { line } = positionOf(at.source, at.start);
  return at.source.name === path ? `${code} ${line}` : `${code} ${basename(at.source.name)}:${line}`;
}

for (const { code, story } of codeStories(lints)) {
  test(`${code}: one text has it, another has not`, () => {
    const names = textsOf(code).map((path) => basename(path));
    assert.ok(
      names.some((name) => name.startsWith('triggers')),
      'no triggers*.conf',
    );
    assert.ok(
      names.some((name) => name.startsWith('passes')),
      'no passes*.conf',
    );
    assert.match(story, /\.$/);
  });
}

for (const code of Object.keys(codes)) {
  for (const path of textsOf(code)) {
    test(`${code}/${basename(path)} has the findings that it announces`, async () => {
      const findings = await found(path);
      const expected = expectedFindings(readFileSync(path, 'latin1'));
      const actual = findings.map((finding) => described(finding, path)).sort();
      assert.deepEqual(actual, expected, findings.map(sentence).join('\n'));
      const announced = expected.some((one) => one.split(' ')[0] === code);
      assert.equal(announced, basename(path).startsWith('triggers'));
    });
  }
}

test('every directory of texts belongs to a code', () => {
  assert.deepEqual(
    readdirSync(join(CORPUS, 'codes')).filter((name) => !(name in codes)),
    [],
  );
});

test('the corpus has at least 150 texts', () => {
  const texts = readdirSync(CORPUS, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.conf'));
  assert.ok(texts.length >= 150, String(texts.length));
});

/** Requirements for every lint: it reports the findings that its triggers declare, and none in its near misses. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { positionOf } from '../grammar/positions.js';
import { check } from '../src/config/check.js';
import { codes } from '../src/diagnostics/codes.js';
import { lintAndProbe } from '../src/lints/engine/run.js';
import { lints } from '../src/lints/index.js';
import { modules } from '../src/modules/index.js';
import { expectedFindings } from './config/corpus.js';

const TEXTS = fileURLToPath(new URL('../../test/conf/lints/', import.meta.url));
const SOURCES = fileURLToPath(new URL('../../src/lints/', import.meta.url));

/**
 * Codes and lines of what lints find in a file, sorted. Of other lints than those that the text is about, advice is left
 * out, and what they find on this machine (ports in use, names that are not known).
 */
async function found(path: string, about: ReadonlySet<string>): Promise<string[]> {
  const directory = path.slice(0, path.lastIndexOf('/') + 1);
  const result = check({ name: path, text: readFileSync(path, 'latin1') }, modules);
  const others = new Set<string>(lints.flatMap(({ code, probe }) => (probe === undefined ? [code] : [])));
  const { findings } = await lintAndProbe(result, lints, { directory });
  return findings
    .filter(({ code, severity }) => about.has(code) || (others.has(code) && severity !== 'hint'))
    .map(({ code, at }) => {
      if (at === null) return code;
      const { line } = positionOf(at.source, at.start);
      return at.source.name === path ? `${code} ${line}` : `${code} ${basename(at.source.name)}:${line}`;
    })
    .sort();
}

for (const { code, story } of lints) {
  const texts = readdirSync(join(TEXTS, code)).filter((name) => name.endsWith('.conf'));
  for (const name of texts.filter((text) => /^(triggers|passes)/.test(text))) {
    test(`${code}/${name} has the findings that it announces`, async () => {
      const path = join(TEXTS, code, name);
      const expected = expectedFindings(readFileSync(path, 'latin1'));
      const announced = expected.map((one) => one.split(' ')[0] ?? '');
      assert.deepEqual(await found(path, new Set([code, ...announced])), expected);
      assert.equal(announced.includes(code), name.startsWith('triggers'));
    });
  }

  test(`${code} has a text that triggers it and one that must not`, () => {
    assert.ok(texts.some((name) => name.startsWith('triggers')));
    assert.ok(texts.some((name) => name.startsWith('passes')));
  });

  test(`${code} has a documented, unique code`, () => {
    assert.match(story, /\.$/);
    assert.match(code, /^[a-z0-9]+(-[a-z0-9]+)+$/);
    assert.ok(!(code in codes));
    assert.equal(lints.filter((lint) => lint.code === code).length, 1);
  });
}

test('every file of a lint is in the index, and named as its code', () => {
  const files = readdirSync(SOURCES).filter((name) => name.endsWith('.ts') && name !== 'index.ts');
  assert.deepEqual(files.sort(), lints.map(({ code }) => `${code}.ts`).sort());
});

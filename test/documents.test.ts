import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkConfig } from '../src/index.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DOCUMENTS = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'docs/architecture.md',
  'docs/compat.md',
  'docs/explain.md',
  'docs/fmt.md',
  'docs/help-and-completion.md',
];

for (const name of readdirSync(join(ROOT, 'conf')).filter((each) => each.endsWith('.conf'))) {
  test(`conf/${name} has no findings`, () => {
    const { ok, rendered } = checkConfig({ file: join(ROOT, 'conf', name) }, { prefix: join(ROOT, 'conf') });
    assert.equal(rendered, '');
    assert.ok(ok);
  });
}

test('the configurations in README.md are right', () => {
  const texts = [...readFileSync(join(ROOT, 'README.md'), 'utf8').matchAll(/```nginx\n(.*?)```/gs)].map(
    (match) => match[1],
  );
  assert.ok(texts.length > 0);
  for (const text of texts) assert.equal(checkConfig(text ?? '').rendered, '');
});

test('links between documents lead somewhere', () => {
  const broken: string[] = [];
  for (const document of DOCUMENTS) {
    for (const [, target = ''] of readFileSync(join(ROOT, document), 'utf8').matchAll(/\]\(([^)#:]+)\)/g)) {
      if (!existsSync(join(ROOT, dirname(document), target))) broken.push(`${document}: ${target}`);
    }
  }
  assert.deepEqual(broken, []);
});

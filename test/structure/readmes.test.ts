/** Every directory of the source has a README.md that introduces it. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { LAYERS, layerOf } from './layers.js';
import { ROOT, textOf } from './sources.js';

const directoriesOfSrc = readdirSync(join(ROOT, 'src'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => `src/${name}`);
const directories = [...directoriesOfSrc, 'grammar', 'test', 'bench'];

/** Text without line breaks inside paragraphs and list items. */
function unwrapped(text: string): string {
  return text.replace(/\n +/g, ' ');
}

/** The rule about imports that follows from the layers. */
function importsOf(directory: string): string {
  const layer = layerOf(directory);
  const quoted = (names: readonly string[] = []): string => names.map((name) => `\`${name}\``).join(', ');
  const below = LAYERS[layer + 1];
  if (below === undefined) return 'May import: nothing else of the project.';
  const siblings = quoted(LAYERS[layer]?.filter((name) => name !== directory));
  const own = siblings === '' ? '' : `; of its own layer, without cycles, ${siblings}`;
  return `May import: ${quoted(below)} and the layers below${own}.`;
}

for (const directory of directories) {
  const path = `${directory}/README.md`;

  test(`${path} names the purpose, three files to read first, rules and changes`, () => {
    const text = textOf(path);
    assert.ok(text.startsWith(`# ${directory}\n\n`));
    assert.match(
      text,
      /\n\nRead first:\n\n(- \[.*\n(?: {2}.*\n)*){3}\nRules:\n\n(- .*\n(?: {2}.*\n)*)+\nChanges:\n\n- /,
    );
    const lines = text.split('\n').length - 1;
    assert.ok(lines >= 10 && lines <= 26, `${lines} lines`);
  });

  test(`files and directories named by ${path} exist`, () => {
    const text = textOf(path);
    const linked = [...text.matchAll(/\]\(([^)#:]+)\)/g)].map(([, target = '']) => join(directory, target));
    const named = [...text.matchAll(/`([\w/.-]+(?:\.ts|\/|\.md))`/g)].map(([, name = '']) => name);
    const missing = linked.filter((target) => !existsSync(join(ROOT, target)));
    const unknown = named.filter((name) => ![name, join(directory, name)].some((each) => existsSync(join(ROOT, each))));
    assert.deepEqual([...missing, ...unknown], []);
  });

  if (layerOf(directory) >= 0) {
    test(`${path} states the directories that it may import`, () => {
      assert.ok(unwrapped(textOf(path)).includes(`- ${importsOf(directory)}\n`), importsOf(directory));
    });
  }
}

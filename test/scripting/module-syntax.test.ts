import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Environment } from '../../src/scripting/environment.js';
import { ModuleError } from '../../src/scripting/module-error.js';
import { ModuleGraph, StoredFiles } from '../../src/scripting/module-graph.js';

/** Evaluates `main.js` of the given files; returns its exports. */
async function evaluate(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  globals: ReadonlyMap<string, unknown> = new Map(),
): Promise<Record<string, unknown>> {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-modules-'));
  t.after(() => rmSync(directory, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  const search = { conf: `${directory}/`, paths: [] };
  const graph = new ModuleGraph(search, new StoredFiles(new Map()), [...globals.keys()]);
  const module = graph.load(join(directory, 'main.js'));
  graph.verify();
  return new Environment(graph, globals).evaluate(module);
}

const LIB = `
  export let count = 1;
  export const increment = () => { count += 1; };
  export function self() { return this; }
  export const text = 'lib', other = 'other';
  export default class {}
`;

test('imported names are live, and shadowed by every kind of declaration', async (t) => {
  const { results } = await evaluate(t, {
    'lib.js': LIB,
    'main.js': `
      import Default, { count, increment, text as name, self, other } from './lib.js';
      import * as all from './lib.js';
      const before = count;
      increment()
      all.increment()
      const shorthand = { count, name, [name]: name, name: 1 };
      function parameter(count) { return count; }
      const defaults = (x = count, { name } = { name: 'inner' }) => [x, name];
      function hoisted() { if (true) { var count = 'var'; } return count; }
      const block = () => { { let name = 'let'; const other = name; return other; } };
      const caught = () => { try { throw 'caught'; } catch (name) { return name; } };
      const loop = () => { for (const name of ['of']) return name; };
      const loops = () => { for (let count = 0; count < 1; count++) return count; };
      const named = (function name() { return typeof name; })();
      const klass = class name { static own() { return name; } name() { return other; } static { this.block = other; } };
      const labels = () => { name: for (;;) { break name; } return name; };
      const cases = (x) => { switch (x) { case name: { return 'case'; } case 1: let other = 'inner'; return other; } };
      const called = self();
      const tagged = (() => { const self = (parts) => parts[0]; return self\`tag\`; })();
      const spread = { ...all }.text, template = \`\${name}\`;
      const optional = all?.text, chain = Default?.name;
      const destructured = (() => { const { count: inner, ...rest } = { count: 5, name: 6 }; return [inner, rest.name]; })();
      const generator = [...(function* () { yield name; })()];
      let assigned; try { count = 2; } catch (error) { assigned = error.constructor.name; }
      export const results = [
        before, count, shorthand, parameter(7), defaults(), hoisted(), block(), caught(), loop(), loops(), named,
        klass.own() === klass, new klass().name(), klass.block, labels(), cases('lib'), cases(1), called, tagged, spread,
        template, optional, typeof chain, destructured, generator, assigned,
      ];
    `,
  });
  assert.deepEqual(results, [
    1,
    3,
    { count: 3, lib: 'lib', name: 1 },
    7,
    [3, 'inner'],
    'var',
    'let',
    'caught',
    'of',
    0,
    'function',
    true,
    'other',
    'other',
    'lib',
    'case',
    'inner',
    undefined,
    'tag',
    'lib',
    'lib',
    'lib',
    'string',
    [5, 6],
    ['lib'],
    'TypeError',
  ]);
});

test('all forms of exports have their names and values', async (t) => {
  const exports = await evaluate(t, {
    'lib.js': LIB,
    'more.js': 'export const more = 1; export * from "./lib.js"; export default 5;',
    'anonymous.js': 'export default function () { return 1; }',
    'main.js': `#!/usr/bin/env node
      export * from './more.js';
      export * as space from './lib.js';
      export { text as renamed, default as Class } from './lib.js';
      import { other } from './lib.js';
      import anonymous from './anonymous.js';
      export { other as imported };
      export const { a, b: [c = 4] } = { a: 1, b: [] };
      export let d = 1; d = 2;
      export async function e() {}
      export class F {}
      export default (0, anonymous)() + 1 // the end`,
  });
  assert.deepEqual(Object.keys(exports).sort(), [
    ...['Class', 'F', 'a', 'c', 'count', 'd', 'default', 'e', 'imported', 'increment', 'more', 'other', 'renamed'],
    ...['self', 'space', 'text'],
  ]);
  const { a, c, d, default: byDefault, imported, more, renamed, space } = exports;
  assert.deepEqual([a, c, d, byDefault, imported, more, renamed], [1, 4, 2, 2, 'other', 1, 'lib']);
  assert.equal((space as { count: number }).count, 1);
});

test('modules that import each other see the values once they exist', async (t) => {
  const { result } = await evaluate(t, {
    'other.js': `import { name } from './main.js'; export const early = (() => { try { return name; } catch (e) { return e.constructor.name; } })();
      export const late = () => name;`,
    'main.js': `import { early, late } from './other.js'; export const name = 'main'; export const result = [early, late()];`,
  });
  assert.deepEqual(result, ['ReferenceError', 'main']);
});

test('a module may declare the names that it receives, and is strict', async (t) => {
  const globals = new Map<string, unknown>([
    ['ngx', 'given'],
    ['console', 'given'],
  ]);
  const { result } = await evaluate(
    t,
    {
      'main.js': 'const console = "own"; export const result = [ngx, console, this, (function () { return this; })()];',
    },
    globals,
  );
  assert.deepEqual(result, ['given', 'own', undefined, undefined]);
});

for (const [what, text, expected] of [
  ['a syntax error', 'const a = 1;\nlet b = ;', [2, 9, /Unexpected token/]],
  ['a missing file', "// first\nimport a from './none.js';", [2, 15, /Cannot load module ".\/none.js"/]],
  ['a missing export', "import { a,\n  nothing } from './lib.js';", [1, 10, /does not provide an export named 'a'/]],
  ['an exception', 'const a = null;\n\n  a.b();', [3, 5, /TypeError: Cannot read properties of null/]],
  ['a package that is not there', "\nimport a from 'no-such-package-here';", [2, 15, /Cannot find package/]],
] as const) {
  test(`${what} is reported with line and column`, async (t) => {
    await assert.rejects(evaluate(t, { 'lib.js': LIB, 'main.js': text }), (error: unknown) => {
      assert.ok(error instanceof ModuleError, String(error));
      const [line, column, message] = expected;
      assert.deepEqual(error.position, { line, column });
      assert.match(error.message, message);
      return true;
    });
  });
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textOf } from './structure/sources.js';

interface StateMachine {
  readonly title: string;
  /** Source files that declare the states. */
  readonly files: readonly string[];
  readonly states: ReadonlySet<string>;
}

/** The sections of docs/states.md: a heading, a sentence that links the files, and a diagram. */
function stateMachines(): StateMachine[] {
  return textOf('docs/states.md')
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const diagram = /^```mermaid\nstateDiagram-v2\n(.*?)^```/ms.exec(section)?.[1] ?? '';
      const transitions = diagram.split('\n').map((line) => line.replace(/:.*/, ''));
      return {
        title: section.slice(0, section.indexOf('\n')),
        files: [...section.slice(0, section.indexOf('```')).matchAll(/\]\(\.\.\/([^)]+\.ts)\)/g)].map(
          ([, path = '']) => path,
        ),
        states: new Set(transitions.join('\n').match(/\b[A-Z][A-Z_]*\b/g) ?? []),
      };
    });
}

for (const { title, files, states } of stateMachines()) {
  test(`the states of "${title}" in docs/states.md are those of the code`, () => {
    assert.ok(files.length > 0 && states.size > 1);
    // States are numbered constants: one block, or one member each of a union or an enum.
    const declared = files.flatMap((path) =>
      [...textOf(path).matchAll(/^(?:export )?const ([A-Z][A-Z_]*) = \d+;$/gm)].map(([, name]) => name),
    );
    for (const state of states) assert.ok(declared.includes(state), `${state} is not declared in ${files.join(', ')}`);
  });
}

test('each state of a client connection occurs in its diagram', () => {
  const [first] = stateMachines();
  const text = textOf('src/http1/server-connection.ts');
  const block = /^\/\/ Connection state;.*\n((?:const \w+ = \d+;\n)+)/m.exec(text)?.[1] ?? '';
  assert.deepEqual(
    [...block.matchAll(/^const (\w+)/gm)].map(([, name]) => name).sort(),
    [...(first?.states ?? [])].sort(),
  );
});

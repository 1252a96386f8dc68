import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textOf } from './sources.js';

interface StateMachine {
  readonly title: string;
  /** Source files that declare the states. */
  readonly files: readonly string[];
  /** States that are constants, in capitals. Others begin with a capital letter. */
  readonly states: ReadonlySet<string>;
  /** States in lower case: functions and messages. */
  readonly steps: ReadonlySet<string>;
}

/** The sections of docs/states.md: a heading, a sentence that links the files, and a diagram. */
function stateMachines(): StateMachine[] {
  return textOf('docs/states.md')
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const diagram = /^```mermaid\nstateDiagram-v2\n(.*?)^```/ms.exec(section)?.[1] ?? '';
      const states = [...diagram.matchAll(/^ +(\S+) --> (\S+?)(?::|$)/gm)].flatMap(([, from = '', to = '']) => [
        from,
        to,
      ]);
      return {
        title: section.slice(0, section.indexOf('\n')),
        files: [...section.slice(0, section.indexOf('```')).matchAll(/\]\(\.\.\/([^)]+\.ts)\)/g)].map(
          ([, path = '']) => path,
        ),
        states: new Set(states.filter((state) => /^[A-Z_]+$/.test(state))),
        steps: new Set(states.filter((state) => /^[a-z]/.test(state))),
      };
    });
}

for (const { title, files, states, steps } of stateMachines()) {
  test(`the states of "${title}" in docs/states.md are those of the code`, () => {
    assert.ok(files.length > 0 && states.size + steps.size > 1);
    // States are numbered constants: one block, or one member each of a union or an enum.
    const declared = files.flatMap((path) =>
      [...textOf(path).matchAll(/^(?:export )?const ([A-Z][A-Z_]*) = \d+;$/gm)].map(([, name]) => name),
    );
    for (const state of states) assert.ok(declared.includes(state), `${state} is not declared in ${files.join(', ')}`);
    const text = files.map(textOf).join('\n');
    for (const step of steps) assert.match(text, new RegExp(`^ +(?:private |async )*${step}\\(|'${step}'`, 'm'));
  });
}

/** Files whose states are one block of constants below a comment that begins like this. */
const BLOCKS: Readonly<Record<string, readonly [path: string, comment: string]>> = {
  'Client connection': ['src/http1/server-connection.ts', 'Connection state;'],
  'HTTP/2 connection': ['src/http2/server-connection.ts', 'States of a connection;'],
  'Upstream request': ['src/upstream/request-state.ts', 'States of an upstream request'],
  'Upstream stream': ['src/http1/upstream-stream.ts', 'States of a stream'],
  Tunnel: ['src/tunnel/drain.ts', 'States of a drain'],
};

for (const [title, [path, comment]] of Object.entries(BLOCKS)) {
  test(`each state of "${title}" in the code occurs in its diagram`, () => {
    const states = stateMachines().find((machine) => machine.title === title)?.states;
    const block =
      new RegExp(`^// ${comment}.*\n((?:(?:/[*]{2}.*[*]/\n)?(?:export )?const \\w+ = \\d+;\n)+)`, 'm').exec(
        textOf(path),
      )?.[1] ?? '';
    assert.deepEqual(
      [...block.matchAll(/^(?:export )?const (\w+)/gm)].map(([, name]) => name).sort(),
      [...(states ?? [])].sort(),
    );
  });
}

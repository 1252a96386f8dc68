import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readCommandLine } from '../../src/cli/command-line.js';
import { COMMAND_HELP, PROGRAM_HELP } from '../../src/cli/commands/command-help.js';
import { declaredProgram } from '../../src/cli/program.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const PAGE = join(ROOT, 'man/tsproxy.1');
const program = declaredProgram(() => {});
const text = readFileSync(PAGE, 'utf8');

/** Without the escapes of roff, on one line. */
function plain(page: string): string {
  return page
    .replaceAll('\\-', '-')
    .replaceAll('\\(dq', '"')
    .replaceAll('\\&', '')
    .replaceAll('\\e', '\\')
    .replace(/\\\[u([0-9A-F]{4,6})\]/g, (_, code: string) => String.fromCodePoint(Number.parseInt(code, 16)));
}

test('the manual page has every command with its options and examples', () => {
  const page = plain(text);
  for (const command of program.commands) {
    const section = page.split(`.SS ${command.name()}\n`)[1]?.split(/^\.S[HS] /m)[0] ?? '';
    for (const { flags } of command.options) assert.ok(section.includes(flags), `${command.name()} ${flags}`);
    for (const [line] of COMMAND_HELP[command.name()]?.examples ?? []) assert.ok(section.includes(line), line);
  }
  for (const { flags } of program.options) assert.ok(page.includes(flags), flags);
});

test('requests of the manual page are those of man(7), and its text has only ASCII', () => {
  const requests = new Set(text.match(/^[.'].*$/gm)?.map((line) => line.split(' ')[0]));
  requests.delete('.\\"');
  assert.deepEqual([...requests].sort(), ['.B', '.I', '.PP', '.RE', '.RS', '.SH', '.SS', '.TH', '.TP', '.fi', '.nf']);
  assert.match(text, /^[\n\x20-\x7e]*$/);
  assert.equal(text.match(/^\.nf$/gm)?.length, text.match(/^\.fi$/gm)?.length);
});

const renderers: readonly (readonly [tool: string, words: readonly string[]])[] = [
  ['groff', ['-man', '-Tutf8', '-ww', '-P-c', PAGE]],
  ['mandoc', ['-T', 'utf8', '-W', 'warning', PAGE]],
];
for (const [tool, words] of renderers) {
  const skip = spawnSync(tool, ['--version']).error === undefined ? false : `${tool} is not installed`;
  test(`${tool} renders the manual page without a warning`, { skip }, () => {
    const { stdout, stderr } = spawnSync(tool, words, { encoding: 'utf8' });
    assert.equal(stderr, '');
    const shown = stdout.replace(/.\x08/g, '').replace(/\x1b\[[\d;]*m/g, '');
    assert.match(shown, /tsproxy - reverse proxy that reads nginx configuration files/);
    assert.match(shown, / --print-config\n/);
    assert.match(shown, /tsproxy fmt --check \./);
  });
}

test('every command has examples of itself, and a document that exists', () => {
  const names = program.commands.map((command) => command.name());
  assert.deepEqual(Object.keys(COMMAND_HELP).sort(), names.sort());
  for (const [name, help] of [['', PROGRAM_HELP] as const, ...Object.entries(COMMAND_HELP)]) {
    assert.ok(existsSync(join(ROOT, help.document)), help.document);
    assert.ok(help.examples.length > 0);
    const own = help.examples.some(([line]) => line.includes(`tsproxy ${name}`) || name === 'forward');
    assert.ok(own, name);
  }
});

describe('the help', () => {
  for (const command of program.commands) {
    test(`of ${command.name()} ends with examples and a link`, () => {
      const invocation = readCommandLine([command.name(), '--help']);
      assert.ok(invocation.do === 'print' && invocation.code === 0);
      assert.match(invocation.text, /\nExamples:\n {2}\S.*\n(?: {2}.*\n)*\nDocumentation: https:\/\/\S+\n$/);
    });
  }

  test('of the program has examples and a link', () => {
    const invocation = readCommandLine(['-h']);
    assert.ok(invocation.do === 'print');
    assert.match(invocation.text, /\nExamples:\n {2}tsproxy 8080 .*\n(?: {2}.*\n)*\nDocumentation: https:\/\/\S+\n/);
  });

  test('of examples is accepted by the parser', () => {
    for (const { examples } of [PROGRAM_HELP, ...Object.values(COMMAND_HELP)]) {
      for (const [line] of examples) {
        const [, typed = ''] = /(?:^|\()tsproxy ([^<>|)]*)/.exec(line) ?? [];
        const words = [...typed.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
          ([, one, two, three]) => one ?? two ?? three ?? '',
        );
        const invocation = readCommandLine(words);
        assert.ok(invocation.do !== 'print', `${line}: ${JSON.stringify(invocation)}`);
      }
    }
  });
});

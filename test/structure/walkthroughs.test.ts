/** The functions, methods and files that docs/walkthroughs.md names exist. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { test } from 'node:test';
import { ROOT, textOf } from './sources.js';

interface Step {
  readonly title: string;
  /** The function in bold. */
  readonly subject: string;
  /** Its file, and the other files of the step; paths from the root. */
  readonly files: readonly [string, ...string[]];
  /** Further identifiers. */
  readonly names: readonly string[];
}

/** Numbered steps: a name in bold, a link to its file, then text with further names and links. */
function stepsOf(text: string): Step[] {
  return [...text.matchAll(/^(\d+)\. (.*\n(?: +.*\n)*)/gm)].map(([, number, content = '']) => {
    const files = [...content.matchAll(/\]\(([^)]+)\)/g)].map(([, path = '']) => normalize(join('docs', path)));
    const subject = /^\*\*`([\w.]+)`\*\* \(\[/.exec(content)?.[1];
    const [first, ...others] = files;
    if (subject === undefined || first === undefined) throw new Error(`step ${number} has no function: ${content}`);
    // In code style without a capital letter: directives, variables, hooks and options.
    const names = [...content.matchAll(/`([\w.]*[A-Z][\w.]*)`/g)].map(([, name = '']) => name);
    const further = names.filter((name) => name !== subject);
    return { title: `${number}. ${subject}`, subject, files: [first, ...others], names: further };
  });
}

/** Whether a text declares `function`, `const`, `class` or `interface` NAME; `Class.member`: a class and its member. */
function declares(text: string, name: string): boolean {
  const [owner = '', member] = name.split('.');
  if (member === undefined) {
    return new RegExp(`^(?:export )?(?:async )?(?:function\\*? |const |class |interface )${owner}\\b`, 'm').test(text);
  }
  const body = new RegExp(`^(?:export )?(?:abstract )?class ${owner}\\b.*?^}`, 'ms').exec(text)?.[0] ?? '';
  return new RegExp(`^  (?:(?:private|protected|static|async|override|get) )*\\*?${member}[(<:=]`, 'm').test(body);
}

const text = textOf('docs/walkthroughs.md');
const steps = stepsOf(text);

test('docs/walkthroughs.md has its ten sequences', () => {
  assert.equal(text.split(/^## /m).length - 1, 10);
  assert.ok(steps.length > 80);
});

test('every function and method of docs/walkthroughs.md exists in the file next to it', () => {
  const missing = steps.filter(({ subject, files: [file] }) => {
    return !existsSync(join(ROOT, file)) || !declares(textOf(file), subject);
  });
  assert.deepEqual(
    missing.map(({ title, files: [file] }) => `${title} in ${file}`),
    [],
  );
});

test('the other names of a step of docs/walkthroughs.md exist in its files', () => {
  const missing = steps.flatMap(({ title, files, names }) => {
    const texts = files.map(textOf).join('\n');
    const absent = names.filter((name) => name.split('.').some((part) => !new RegExp(`\\b${part}\\b`).test(texts)));
    return absent.map((name) => `${title}: ${name}`);
  });
  assert.deepEqual(missing, []);
});

test('names that do not exist are found', () => {
  const source = 'export class A {\n  private async run(): void {}\n}\nconst run = 1;\n';
  assert.deepEqual(
    ['A.run', 'run', 'A', 'A.stop', 'stop'].map((name) => declares(source, name)),
    [true, true, true, false, false],
  );
  assert.throws(() => stepsOf('1. no function\n'));
});

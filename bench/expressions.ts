/**
 * Long comparison of regular expressions with PCRE2 (`pcre2test`): random expressions over random subjects, or those of the
 * configurations in the files and directories that are given over what they are usually matched against.
 *
 *     node dist/bench/expressions.js [--count 20000] [--seed 1] [--divisor 1] [file or directory …]
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { type Item, isStatement, parse } from '../grammar/index.js';
import { type Agreement, compare } from '../test/config/pcre/agreement.js';
import type { Question } from '../test/config/pcre/pcre2test.js';
import { randomPattern, randomSubject } from '../test/config/pcre/random-pattern.js';

const { values, positionals } = parseArgs({
  options: {
    count: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    divisor: { type: 'string', default: '1' },
  },
  allowPositionals: true,
});

const BATCH = 1000;
const count = Number(values.count);
const seed = Number(values.seed);
const divisor = Number(values.divisor);

/** Subjects for expressions of configurations: paths, names, header values, and what takes long. */
const SUBJECTS = [
  '/',
  '/index.php',
  '/wp-content/uploads/2024/01/image.jpeg?x=1',
  '/api/v1/users/42/posts',
  '/a/b/c/d/e.php',
  '/.git/config',
  'www.example.com',
  'a.b.example.org',
  'Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0',
  'application/json; charset=utf-8',
  `/${'a'.repeat(300)}!`,
  '/x'.repeat(200),
  '1'.repeat(100),
];

function questionsOf(paths: readonly string[]): Question[] {
  const expressions = new Map<string, { readonly pattern: string; readonly caseless: boolean }>();
  for (const path of paths.flatMap(filesOf)) {
    const tree = parse({ name: path, text: readFileSync(path, 'latin1') });
    for (const each of expressionsIn(tree.items)) expressions.set(`${each.caseless} ${each.pattern}`, each);
  }
  process.stdout.write(`${expressions.size} expressions in configurations\n`);
  return [...expressions.values()].flatMap((each) => SUBJECTS.map((subject) => ({ ...each, subject })));
}

function filesOf(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && statSync(join(entry.parentPath, entry.name)).size < 1_000_000)
    .map((entry) => join(entry.parentPath, entry.name));
}

/** What follows `~` or `~*`, and the first word of a `rewrite`. */
function* expressionsIn(items: readonly Item[]): Generator<{ pattern: string; caseless: boolean }> {
  for (const item of items) {
    if (!isStatement(item)) continue;
    const words = [item.name, ...item.args].map(({ text }) => text);
    for (const [i, word] of words.entries()) {
      const operator = /^!?(~\*?)$/.exec(words[i - 1] ?? '')?.[1];
      const [, sign, joined = ''] = /^(~\*?)(.+)$/s.exec(word) ?? [];
      if (operator !== undefined) {
        const pattern = item.name.text === 'if' && i === words.length - 1 ? word.replace(/\)$/, '') : word;
        if (pattern !== '') yield { pattern, caseless: operator === '~*' };
      } else if (sign !== undefined) yield { pattern: joined, caseless: sign === '~*' };
      else if (i === 1 && words[0] === 'rewrite' && word !== '') yield { pattern: word, caseless: false };
    }
    if (item.block !== null) yield* expressionsIn(item.block.items);
  }
}

const questions: Question[] =
  positionals.length > 0
    ? questionsOf(positionals)
    : fc
        .sample(fc.record({ pattern: randomPattern, subject: randomSubject, caseless: fc.boolean() }), {
          numRuns: count,
          seed,
        })
        .filter(({ pattern }) => pattern !== '');
const total: Agreement = { compared: 0, unknown: new Map(), limited: 0, byV8: 0, differences: [] };
for (let from = 0; from < questions.length; from += BATCH) {
  const part = compare(questions.slice(from, from + BATCH), divisor);
  total.compared += part.compared;
  total.limited += part.limited;
  total.byV8 += part.byV8;
  for (const [message, times] of part.unknown) total.unknown.set(message, (total.unknown.get(message) ?? 0) + times);
  total.differences.push(...part.differences);
  for (const difference of part.differences) process.stdout.write(`${difference}\n`);
}
process.stdout.write(
  `${questions.length} expressions, ${total.compared} compared, ${total.byV8} also with V8, ${total.limited} over the limit, ${total.differences.length} differences\n`,
);
for (const [message, times] of total.unknown) process.stdout.write(`${times} not compared: ${message}\n`);
process.exitCode = total.differences.length === 0 ? 0 : 1;

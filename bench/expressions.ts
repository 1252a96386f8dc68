/**
 * Long comparison of regular expressions with PCRE2 (`pcre2test`): random expressions over random subjects, or the
 * expressions of the given configuration files and directories over typical subjects.
 *
 *     node dist/bench/expressions.js [--count 20000] [--seed 1] [--divisor 1] [file or directory …]
 *     node dist/bench/expressions.js --speed
 *
 * `--divisor` lowers the step limit, so that searches that reach it take less time. `--speed` measures ordinary expressions
 * instead: V8's RegExp alone, the combination in use, and the backtracking matcher alone.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { type Item, isStatement, parse } from '../grammar/index.js';
import { Expression } from '../src/config/pcre/expression.js';
import { translate } from '../src/config/pcre/translate.js';
import { type Agreement, compare } from '../test/config/pcre/agreement.js';
import type { Question } from '../test/config/pcre/pcre2test.js';
import { randomPattern, randomSubject } from '../test/config/pcre/random-pattern.js';

const { values, positionals } = parseArgs({
  options: {
    count: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    divisor: { type: 'string', default: '1' },
    speed: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});

const ORDINARY: readonly (readonly [pattern: string, caseless?: boolean])[] = [
  ['\\.php$'],
  ['^/api/(.*)$'],
  ['\\.(jpg|jpeg|png|gif|css|js)$', true],
  ['^/(.*)/(.*)$'],
  ['^/(.*)?$'],
  ['^/user/(\\d+)/posts/(.+)$'],
  ['^/(?<first>[^/]+)/(?<rest>.*)$'],
  ['^/(.*)/(.*)/(.*)\\.php$'],
  ['^(?:/[\\w-]+)+/?$'],
];
const PATHS = [
  '/',
  '/index.php',
  '/api/v1/users/42/posts/1234',
  '/static/js/app.3f2c1.js',
  '/a/path/with/segments/image.jpeg',
];
const SEARCHES = 200_000;

function measureSpeed(): void {
  for (const [pattern, caseless = false] of ORDINARY) {
    const read = translate(pattern, caseless);
    if ('mistake' in read) throw new Error(read.mistake.message);
    const { source, flags } = read.pattern;
    const v8 = source === null ? null : new RegExp(source, flags);
    const used = nanoseconds(new Expression(read.pattern));
    const own = nanoseconds(new Expression({ ...read.pattern, source: null }));
    const alone = v8 === null ? '-' : nanoseconds(v8);
    process.stdout.write(`${pattern.padEnd(36)} RegExp ${alone} ns, as used ${used} ns, matcher ${own} ns\n`);
  }
}

/** For one search, when warm. */
function nanoseconds(expression: { exec(subject: string): unknown }): string {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round++) {
    const before = process.hrtime.bigint();
    for (let i = 0; i < SEARCHES; i++) expression.exec(PATHS[i % PATHS.length] ?? '');
    best = Math.min(best, Number(process.hrtime.bigint() - before) / SEARCHES);
  }
  return best.toFixed(0);
}

if (values.speed) {
  measureSpeed();
  process.exit();
}

const BATCH = 1000;
const count = Number(values.count);
const seed = Number(values.seed);
const divisor = Number(values.divisor);

/** Subjects for expressions of configurations: paths, names, header values, and expensive ones. */
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

/** Expressions: the words behind `~` or `~*`, and the first word of a `rewrite`. */
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
const total: Agreement = { compared: 0, unknown: new Map(), limited: 0, byV8: 0, declared: 0, differences: [] };
for (let from = 0; from < questions.length; from += BATCH) {
  const part = compare(questions.slice(from, from + BATCH), divisor);
  total.compared += part.compared;
  total.limited += part.limited;
  total.byV8 += part.byV8;
  total.declared += part.declared;
  for (const [message, times] of part.unknown) total.unknown.set(message, (total.unknown.get(message) ?? 0) + times);
  total.differences.push(...part.differences);
  for (const difference of part.differences) process.stdout.write(`${difference}\n`);
}
process.stdout.write(
  `${questions.length} expressions, ${total.compared} compared, ${total.byV8} also with V8, ${total.limited} over the limit, ${total.declared} declared and ${total.differences.length} other differences\n`,
);
for (const [message, times] of total.unknown) process.stdout.write(`${times} not compared: ${message}\n`);
process.exitCode = total.differences.length === 0 ? 0 : 1;

/**
 * Long comparison of regular expressions with PCRE2 (`pcre2test`): random expressions over random subjects, and those of the
 * configurations in the files and directories that are given.
 *
 *     node dist/bench/expressions.js [--count 20000] [--seed 1] [--divisor 1] [file or directory …]
 */
import { parseArgs } from 'node:util';
import fc from 'fast-check';
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
const questions: Question[] = fc
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
void positionals;
process.exitCode = total.differences.length === 0 ? 0 : 1;

/**
 * Mutations of real configurations through everything that reads one: lexer, parser, checker, lints, findings, printer.
 *
 *   node dist/bench/fuzz.js [cases] [seed] [directory ...]
 *
 * Texts are those of `conf/` and `test/conf/`, and every `*.conf` below the directories. A text that anything throws at, or
 * that takes more than two seconds of the processor, is written to a file, and the exit code is 1.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configurationsIn, judge, mutated, ownConfigurations } from '../test/stress/mutations.js';
import { Random } from '../test/stress/random.js';

const [cases = 1_000_000, seed = 1] = process.argv.slice(2, 4).map(Number);
const texts = [...ownConfigurations(), ...process.argv.slice(4).flatMap(configurationsIn)];
const say = (text: string): void => void process.stdout.write(`${text}\n`);
/** Milliseconds. */
const TOO_LONG = 2000;
/** Failures that are alike are shown once. */
const seen = new Map<string, number>();
let slowest = 0;
let directory: string | null = null;

function failed(i: number, text: string, why: string): void {
  const known = seen.get(why) ?? 0;
  seen.set(why, known + 1);
  if (known > 0) return;
  directory ??= mkdtempSync(join(tmpdir(), 'tsproxy-fuzz-'));
  const path = join(directory, `${seed}-${i}.conf`);
  writeFileSync(path, text, 'latin1');
  say(`case ${i}: ${why}\n  ${path}`);
}

say(`${cases} mutations of ${texts.length} texts, seed ${seed}`);
const began = performance.now();
for (let i = 0; i < cases; i++) {
  // Each case has a seed of its own, so that one can be repeated without those before it.
  const text = mutated(texts, new Random(seed * 1_000_003 + i));
  const start = process.cpuUsage();
  try {
    judge(text);
  } catch (error) {
    failed(
      i,
      text,
      error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 4).join('\n  ') : String(error),
    );
  }
  // Of the processor, not of the clock: it is run beside others.
  const used = process.cpuUsage(start);
  const took = (used.user + used.system) / 1000;
  if (took > TOO_LONG) failed(i, text, `takes ${Math.round(took / 1000)} s`);
  slowest = Math.max(slowest, took);
  if ((i + 1) % 50_000 === 0) {
    const rss = Math.round(process.memoryUsage.rss() / (1 << 20));
    say(
      `${i + 1} cases, ${Math.round((performance.now() - began) / 1000)} s, slowest ${Math.round(slowest)} ms, ${rss} MiB`,
    );
  }
}
const failures = [...seen.values()].reduce((sum, count) => sum + count, 0);
say(
  `${cases} cases in ${Math.round((performance.now() - began) / 1000)} s: ${failures === 0 ? 'nothing failed' : `${failures} failed, in ${seen.size} ways`}`,
);
process.exitCode = failures === 0 ? 0 : 1;

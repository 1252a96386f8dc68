/**
 * Feeds mutations of known texts to all parsers, for a number of cases.
 *
 *   node dist/bench/fuzz.js [target] [cases] [seed] [directory ...]
 *
 * `target` is one of the readers of `test/fuzz/` (`request-heads`, `chunked-bodies` …), `configurations`, or `all`.
 * Configurations are those of `conf/` and `test/conf/`, and every `*.conf` below the directories. A text that causes an
 * exception, or takes more than two seconds of CPU time, is written to a file, and the exit code is 1.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configurations, readers } from '../test/fuzz/index.js';
import { caseOf, type FuzzTarget } from '../test/fuzz/target.js';
import { configurationsIn } from '../test/stress/mutations.js';
import { Random } from '../test/stress/random.js';

const [name = 'all', ...rest] = process.argv.slice(2);
const [cases = 100_000, seed = 1] = rest.slice(0, 2).map(Number);
const all = [...readers, configurations(rest.slice(2).flatMap(configurationsIn))];
const printLine = (text: string): void => void process.stdout.write(`${text}\n`);
/** ms of CPU time. */
const TOO_LONG = 2000;

/** Created for the first failure. */
let directory: string | null = null;

/** Similar failures are shown once. */
class Failures {
  private readonly seen = new Map<string, number>();

  constructor(private readonly target: string) {}

  add(i: number, text: string, why: string): void {
    // Failures are grouped by their place in the program, because messages quote the text.
    const place = why.match(/^ +at .*/gm)?.join() ?? why;
    const known = this.seen.get(place) ?? 0;
    this.seen.set(place, known + 1);
    if (known > 0) return;
    directory ??= mkdtempSync(join(tmpdir(), 'tsproxy-fuzz-'));
    const path = join(directory, `${this.target}-${seed}-${i}`);
    writeFileSync(path, text, 'latin1');
    printLine(`case ${i}: ${why}\n  ${path}`);
  }

  get count(): number {
    return [...this.seen.values()].reduce((sum, count) => sum + count, 0);
  }

  toString(): string {
    return this.count === 0 ? 'nothing failed' : `${this.count} failed, in ${this.seen.size} ways`;
  }
}

async function run(target: FuzzTarget): Promise<number> {
  const failures = new Failures(target.name);
  const began = performance.now();
  const seconds = (): number => Math.round((performance.now() - began) / 1000);
  let slowest = 0;
  for (let i = 0; i < cases; i++) {
    // Each case has its own seed, so that it can be repeated without those before it.
    const { text, check } = caseOf(target, new Random(seed * 1_000_003 + i));
    const start = process.cpuUsage();
    try {
      await check();
    } catch (error) {
      const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
      failures.add(i, text, stack.split('\n').slice(0, 12).join('\n  '));
    }
    // CPU time instead of elapsed time, because other processes run concurrently.
    const used = process.cpuUsage(start);
    const took = (used.user + used.system) / 1000;
    if (took > TOO_LONG) failures.add(i, text, `takes ${Math.round(took / 1000)} s`);
    slowest = Math.max(slowest, took);
    if ((i + 1) % 50_000 === 0) {
      const rss = Math.round(process.memoryUsage.rss() / (1 << 20));
      printLine(`${target.name}: ${i + 1} cases, ${seconds()} s, slowest ${Math.round(slowest)} ms, ${rss} MiB`);
    }
  }
  printLine(`${target.name}: ${cases} cases in ${seconds()} s, slowest ${Math.round(slowest)} ms: ${failures}`);
  return failures.count;
}

const chosen = all.filter((target) => name === 'all' || target.name === name);
if (chosen.length === 0) {
  printLine(`no target is named ${name}: all, ${all.map((target) => target.name).join(', ')}`);
  process.exit(2);
}
printLine(`${cases} mutations for each target, seed ${seed}`);
let failed = 0;
for (const target of chosen) failed += await run(target);
process.exitCode = failed === 0 ? 0 : 1;

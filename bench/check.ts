/**
 * Run time of `tsproxy -t` as a user experiences it: files of 1,000 to 100,000 lines, one of many includes, and a small one
 * against an idle Node.
 *
 *   node dist/bench/check.js [runs]
 *
 * Medians in ms: elapsed time, and CPU time (user and system), which is more reliable on a busy machine.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { manyServers, plainServers } from '../test/kit/large-configurations.js';

const COMMAND = fileURLToPath(new URL('../../bin/tsproxy', import.meta.url));
const RUNS = Number(process.argv[2] ?? 5);
const SMALL_RUNS = 20;
const LINES = [1000, 2000, 5000, 10_000, 20_000, 35_000, 50_000, 100_000];

interface Time {
  readonly clock: number;
  readonly processor: number;
}

const printLine = (text: string): void => void process.stdout.write(`${text}\n`);

/** Runs Node once. CPU time is that of all children so far, minus the value before. */
function timed(args: readonly string[]): Time {
  const before = childTime();
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const clock = performance.now() - start;
  if (status !== 0) throw new Error(stderr.slice(-2000));
  return { clock, processor: childTime() - before };
}

/** ms of CPU time of ended children (`proc_pid_stat(5)`: cutime, cstime, in ticks of 10 ms). */
function childTime(): number {
  const { stdout } = spawnSync('cat', [`/proc/${process.pid}/stat`], { encoding: 'utf8' });
  const fields = stdout.slice(stdout.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

function median(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

function medians(times: readonly Time[]): string {
  const of = (value: (time: Time) => number): string => median(times.map(value)).toFixed(0);
  return `${of(({ clock }) => clock)} | ${of(({ processor }) => processor)}`;
}

const directory = mkdtempSync(join(tmpdir(), 'tsproxy-check-'));
try {
  const test = (file: string): string[] => [COMMAND, '-t', '-q', '-c', join(directory, file)];
  writeFileSync(join(directory, 'small.conf'), plainServers(20).join('\n'));
  const [nothing, small]: [Time[], Time[]] = [[], []];
  for (let run = 0; run < SMALL_RUNS; run++) {
    nothing.push(timed(['-e', '0']));
    small.push(timed(test('small.conf')));
  }
  printLine('| what | clock | processor |\n|---|---|---|');
  printLine(`| node -e 0 | ${medians(nothing)} |`);
  printLine(`| -t of 20 lines | ${medians(small)} |`);
  for (const lines of LINES) {
    for (const [name, make] of [
      ['plain servers', plainServers],
      ['large servers', manyServers],
    ] as const) {
      writeFileSync(join(directory, 'large.conf'), make(lines).join('\n'));
      printLine(
        `| ${lines} lines, ${name} | ${medians(Array.from({ length: RUNS }, () => timed(test('large.conf'))))} |`,
      );
    }
  }
  mkdirSync(join(directory, 'sites'));
  const [, , ...servers] = plainServers(35_000).slice(0, -2);
  for (let i = 0; i * 16 < servers.length; i++) {
    writeFileSync(join(directory, `sites/${i}.conf`), servers.slice(i * 16, (i + 1) * 16).join('\n'));
  }
  writeFileSync(join(directory, 'includes.conf'), 'events { }\nhttp {\n    include sites/*.conf;\n}\n');
  printLine(
    `| 35000 lines in 2,200 files | ${medians(Array.from({ length: RUNS }, () => timed(test('includes.conf'))))} |`,
  );
} finally {
  rmSync(directory, { recursive: true, force: true });
}

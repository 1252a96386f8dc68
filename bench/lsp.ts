/**
 * Time from a keystroke in a file of 2,000 lines to the completions and the diagnostics of that version, as an editor sees it.
 * Run with `node dist/bench/lsp.js [characters]`.
 */
import { longConfiguration, quantile, type Times, typeIn } from '../test/lsp/typing.js';

const [characters = '500'] = process.argv.slice(2);
const cleanups: (() => void | Promise<void>)[] = [];
const times = await typeIn({ after: (fn) => void cleanups.push(fn) }, Number(characters));
console.log(
  `${longConfiguration().split('\n').length - 1} lines, ${characters} characters typed, ms from each keystroke:`,
);
for (const kind of ['completion', 'diagnostics'] satisfies (keyof Times)[]) {
  const figures = [0.5, 0.95, 0.99, 1].map((share) => quantile(times[kind], share));
  console.log(`${kind.padEnd(12)} p50 ${figures[0]}  p95 ${figures[1]}  p99 ${figures[2]}  max ${figures[3]}`);
}
console.log(`CPU time of the server: ${times.cpu.toFixed(1)} ms for each keystroke`);
for (const fn of cleanups) await fn();

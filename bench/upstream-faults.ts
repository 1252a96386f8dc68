/**
 * Each failure of one of three servers, many times under load; the bounded version runs with the tests.
 *
 *   node dist/bench/upstream-faults.js [times] [at once] [fault]
 *
 * Prints what went wrong; the exit code is 1 if something did.
 */
import { FAULTS, failServers } from '../test/stress/upstream-faults.js';

const [times = 200, atOnce = 20] = process.argv.slice(2, 4).map(Number);
const only = process.argv[4];
let failures = 0;
/** Handshakes of more upstreams, in one process with their servers, take longer than the timeouts of the checks. */
const MAX_SECURE = 5;

for (const fault of FAULTS.filter((each) => only === undefined || each === only)) {
  for (const active of [false, true]) {
    const started = performance.now();
    const problems: string[] = [];
    const together = fault === 'TLS failure' ? Math.min(atOnce, MAX_SECURE) : atOnce;
    for (let done = 0; done < times; done += together) {
      problems.push(...(await failServers({ fault, active, times: Math.min(together, times - done) })));
    }
    failures += problems.length;
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    const how = active ? 'health checks' : 'max_fails';
    process.stdout.write(`${fault}, ${how}: ${times} times in ${seconds} s, ${problems.length} problems\n`);
    for (const problem of problems.slice(0, 10)) process.stdout.write(`  ${problem}\n`);
  }
}
process.exitCode = failures === 0 ? 0 : 1;

/**
 * Long comparison with nginx of the selection of a request's server while its head is read: random pairs of servers with
 * different settings, and requests that are complete, truncated anywhere, or refused. `NGINX` names the binary.
 *
 *     node dist/bench/heads.js [--pairs 2000] [--requests 12] [--seed 1] [--silent] [--show 10]
 */
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { compareHeads, type Difference } from '../test/oracle/head-comparison.js';
import { declared } from '../test/oracle/head-differences.js';
import { pairs } from '../test/oracle/head-pairs.js';
import { nginxVersion } from '../test/oracle/nginx.js';

const { values } = parseArgs({
  options: {
    pairs: { type: 'string', default: '2000' },
    requests: { type: 'string', default: '12' },
    seed: { type: 'string', default: '1' },
    silent: { type: 'boolean', default: false },
    show: { type: 'string', default: '10' },
  },
});

const BATCH = 50;
const count = Number(values.pairs);
const version = nginxVersion();
const modern = /^1\.(29|3\d)\./.test(version);
const reasons = new Map<string, number>();
const unexplained: Difference[] = [];
let compared = 0;
for (let done = 0; done < count; done += BATCH) {
  const sample = fc.sample(pairs(modern, Number(values.requests), values.silent), {
    seed: Number(values.seed) + done,
    numRuns: Math.min(BATCH, count - done),
  });
  for (const { requests } of sample) compared += requests.length;
  for (const each of await compareHeads(sample, modern)) {
    const reason = declared(each, modern);
    if (reason === null) unexplained.push(each);
    else reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
}
process.stdout.write(`nginx ${version}: ${count} pairs, ${compared} requests, ${unexplained.length} differences\n`);
for (const [reason, times] of reasons) process.stdout.write(`declared, ${times} times: ${reason}\n`);
for (const { pair, request, what, nginx, tsproxy } of unexplained.slice(0, Number(values.show))) {
  process.stdout.write(
    `\n${what}: ${JSON.stringify(request?.bytes)}\n  nginx   ${JSON.stringify(nginx)}\n  tsproxy ${JSON.stringify(tsproxy)}\n${pair.config}\n`,
  );
}
process.exitCode = unexplained.length > 0 ? 1 : 0;

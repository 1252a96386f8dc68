/**
 * Starts random configurations with an access rule that is misspelt, invalid or unsupported, and requests the location that
 * it should restrict. None may be open; the exit code is 1 if one is.
 *
 *     node dist/bench/closed-locations.js [--configurations 1000] [--seed 1]
 */
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { closedConfigurations, outcomeOf } from '../test/modules/closed-locations.js';

const { values } = parseArgs({
  options: { configurations: { type: 'string', default: '1000' }, seed: { type: 'string', default: '1' } },
});

const counts = { refused: 0, closed: 0, open: 0 };
for (const text of fc.sample(closedConfigurations, {
  seed: Number(values.seed),
  numRuns: Number(values.configurations),
})) {
  const outcome = await outcomeOf(text);
  counts[outcome]++;
  if (outcome === 'open') console.log(text);
}
console.log(`${counts.refused} refused, ${counts.closed} closed, ${counts.open} open`);
process.exitCode = counts.open === 0 ? 0 : 1;

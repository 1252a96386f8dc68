/** Verdicts on measured attacks, and their table. */
import type { AttackSummary } from './attack.js';
import type { Sample } from './well-behaved.js';

/** The three periods of a measurement. Latencies in ms. */
interface Latency {
  readonly quiet: number;
  readonly during: number;
  readonly after: number;
}

export interface Measurement {
  readonly peer: string;
  readonly name: string;
  readonly p99: Latency;
  readonly longest: Latency;
  /** Well-behaved requests that failed during the attack. */
  readonly failed: number;
  readonly requests: number;
  /** Resident bytes of the worker; `cold` is that before the first attack, `quiet` before the measured one. */
  readonly memory: { readonly cold: number; readonly quiet: number; readonly peak: number; readonly after: number };
  /** Counts of the attacker: connections, errors, and bytes. */
  readonly attack: AttackSummary;
  /** The limits that were exceeded. */
  readonly exceeded: readonly string[];
}

const MIB = 1 << 20;
/** ms and bytes by which a recovered process may differ from its quiet state. */
const LATENCY_SLACK = 10;
const MEMORY_SLACK = 3 * MIB;
const MEMORY_MAX = 64 * MIB;

function periods(samples: { quiet: Sample; during: Sample; after: Sample }, share: number): Latency {
  const at = ({ latencies }: Sample): number =>
    latencies[Math.max(0, Math.ceil(latencies.length * share) - 1)] ?? Number.NaN;
  return { quiet: at(samples.quiet), during: at(samples.during), after: at(samples.after) };
}

export function judge(measured: {
  readonly peer: string;
  readonly name: string;
  readonly latency: { readonly quiet: Sample; readonly during: Sample; readonly after: Sample };
  readonly memory: Measurement['memory'];
  readonly attack: Measurement['attack'];
}): Measurement {
  const { latency, memory, ...rest } = measured;
  const [p99, longest] = [periods(latency, 0.99), periods(latency, 1)];
  const { failed } = latency.during;
  const exceeded: string[] = [];
  const limit = 2 * p99.quiet + LATENCY_SLACK;
  if (!(p99.during <= limit)) exceeded.push('p99');
  if (!(p99.after <= limit)) exceeded.push('p99 after');
  if (failed > latency.during.latencies.length / 100) exceeded.push('failures');
  if (memory.peak > memory.quiet + MEMORY_MAX) exceeded.push('memory');
  if (memory.after > memory.quiet + MEMORY_SLACK) exceeded.push('memory after');
  return { ...rest, p99, longest, failed, requests: latency.during.latencies.length, memory, exceeded };
}

const COLUMNS = [
  ['attack', 19],
  ['peer', 8],
  ['p99 ms quiet', 13],
  ['attack', 8],
  ['after', 7],
  ['max', 7],
  ['failed', 10],
  ['MiB cold', 9],
  ['quiet', 6],
  ['peak', 6],
  ['after', 6],
  ['verdict', 0],
] as const;

export function table(measured: readonly Measurement[], heading: boolean): string {
  const line = (cells: readonly string[]): string =>
    `${cells.map((cell, i) => (i < 2 ? cell.padEnd(COLUMNS[i]?.[1] ?? 0) : cell.padStart(COLUMNS[i]?.[1] ?? 0))).join(' ')}\n`;
  const mib = (bytes: number): string => String(Math.round(bytes / MIB));
  const lines = measured.map(({ name, peer, p99, longest, failed, requests, memory, exceeded }) =>
    line([
      name,
      peer,
      p99.quiet.toFixed(1),
      p99.during.toFixed(1),
      p99.after.toFixed(1),
      longest.during.toFixed(0),
      `${failed}/${requests}`,
      mib(memory.cold),
      mib(memory.quiet),
      mib(memory.peak),
      mib(memory.after),
      exceeded.length === 0 ? 'ok' : exceeded.join(', '),
    ]),
  );
  return (heading ? line(COLUMNS.map(([title]) => title)) : '') + lines.join('');
}

/** What is said of a reload in the log. */
import type { CheckedConfig } from '../config/checked-config.js';
import { changeLines } from '../config/difference/lines.js';
import { changesInSteps } from '../config/difference.js';
import type { ModuleDeclaration } from '../config/module-declaration.js';
import { inSlices } from '../exchange/time-slice.js';
import type { TunnelCounts } from '../tunnel/tunnels.js';

/** A log is not the place for a whole new site. */
const MOST_LINES = 20;

/** A line for each thing that is different, up to a bound. Bytes. */
export async function describeReload(
  before: CheckedConfig,
  after: CheckedConfig,
  modules: readonly ModuleDeclaration[],
): Promise<string[]> {
  const changes = await inSlices(changesInSteps(before, after, modules));
  if (changes.length === 0) return ['the new configuration means the same as the one before'];
  return changeLines(changes, MOST_LINES);
}

/** A line about the tunnels; null where there are none. */
export function describeTunnels({ stay, drain, close }: TunnelCounts): string | null {
  if (stay + drain + close === 0) return null;
  const ending = [
    ...(drain === 0 ? [] : [`${drain} drain`]),
    ...(close === 0 ? [] : [`${close} are closed at the end of their time`]),
  ];
  return `tunnels: ${[`${stay} stay`, ...ending].join(', ')}`;
}

/** Log lines about a reload. */
import type { CheckedConfig } from '../config/checked-config.js';
import type { ModuleDeclaration } from '../config/module-declaration.js';
import { changesInSteps } from '../difference/difference.js';
import { changeLines } from '../difference/lines.js';
import { inSlices } from '../program/time-slice.js';
import type { TunnelCounts } from '../tunnel/tunnels.js';

/** Bounds the log output when a whole site is added. */
const MAX_LINES = 20;

/** Describes each change in a line, up to a bound. Bytes. */
export async function describeReload(
  before: CheckedConfig,
  after: CheckedConfig,
  modules: readonly ModuleDeclaration[],
  changedModules: readonly string[] = [],
): Promise<string[]> {
  const changes = await inSlices(changesInSteps(before, after, modules));
  const files = changedModules.map((path) => `module "${path}" has changed`);
  if (changes.length + files.length === 0) return ['the new configuration means the same as the one before'];
  return [...files, ...changeLines(changes, MAX_LINES)];
}

/** Describes the effect on tunnels in a line; null if there are none. */
export function describeTunnels({ stay, drain, close }: TunnelCounts): string | null {
  if (stay + drain + close === 0) return null;
  const ending = [
    ...(drain === 0 ? [] : [`${drain} drain`]),
    ...(close === 0 ? [] : [`${close} are closed at the end of their time`]),
  ];
  return `tunnels: ${[`${stay} stay`, ...ending].join(', ')}`;
}

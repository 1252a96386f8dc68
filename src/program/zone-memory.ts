/** Memory of the zones of a table, for status pages. */
import type { ZoneDeclaration } from '../config/zone-declaration.js';
import type { SlabUsage } from '../zones/slab.js';
import { readUsedMemory } from '../zones/usage-operation.js';
import type { Zone, ZoneBackend } from '../zones/zone.js';
import type { Shared } from './module.js';

export interface ZoneMemory {
  readonly declaration: ZoneDeclaration;
  readonly usage: SlabUsage;
}

/** The zones whose memory is limited; empty if the master does not respond. */
export async function zoneMemory(shared: Shared, zones: ZoneBackend): Promise<ZoneMemory[]> {
  const open: Zone[] = [];
  for (const [key, object] of shared.entries()) if (/^zone (?!of )/.test(key)) open.push(object as Zone);
  const used = await zones.ask(readUsedMemory, { zones: open.map(({ id }) => id) });
  return open.flatMap(({ declaration }, i) => {
    const usage = used[i];
    return usage ? [{ declaration, usage }] : [];
  });
}

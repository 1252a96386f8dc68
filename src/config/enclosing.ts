/** The blocks around a block, for inheritance rules that depend on more than the next level. */
import type { CheckedBlock, CheckedConfig } from './checked-config.js';

const cache = new WeakMap<CheckedConfig, ReadonlyMap<CheckedBlock, CheckedBlock>>();

/**
 * The parent of each block of a configuration; `main` has none. Bodies of steps (`if`) are children of the block with
 * the step.
 */
export function enclosingBlocks(config: CheckedConfig): ReadonlyMap<CheckedBlock, CheckedBlock> {
  let around = cache.get(config);
  if (around === undefined) {
    const map = new Map<CheckedBlock, CheckedBlock>();
    note(config, map);
    cache.set(config, map);
    around = map;
  }
  return around;
}

function note(block: CheckedBlock, map: Map<CheckedBlock, CheckedBlock>): void {
  for (const inner of block.blocks) {
    map.set(inner, block);
    note(inner, map);
  }
  for (const step of block.steps) {
    if (step.block !== null) {
      map.set(step.block, block);
      note(step.block, map);
    }
  }
}

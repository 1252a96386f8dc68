/** Files that the master reads for its workers: private keys are usually readable by root only. */
import { readFileSync } from 'node:fs';
import type { CheckedBlock, CheckedConfig } from '../config/checked-config.js';
import type { DirectiveSpec } from '../config/directive.js';
import type { Module } from '../program/module.js';

/** Contents by path, both as byte strings. Files that cannot be read are left out: whoever needs them reports that. */
export function readPrivilegedFiles(config: CheckedConfig, modules: readonly Module[]): Record<string, string> {
  const specs = new Map<string, DirectiveSpec>();
  for (const { directives } of modules) {
    for (const [name, spec] of Object.entries(directives)) if (spec.files !== undefined) specs.set(name, spec);
  }
  const contents: Record<string, string> = {};
  const visit = (block: CheckedBlock): void => {
    for (const name of block.own) {
      const spec = specs.get(name);
      if (spec === undefined) continue;
      const value = block.values[name];
      const values = spec.repeat === true ? (value as readonly unknown[]) : [value];
      for (const path of values.flatMap((each) => (each === undefined ? [] : (spec.files?.(each) ?? [])))) {
        if (path in contents) continue;
        try {
          contents[path] = readFileSync(Buffer.from(path, 'latin1'), 'latin1');
        } catch {
          // Left out.
        }
      }
    }
    for (const inner of block.blocks) visit(inner);
  };
  visit(config);
  return contents;
}

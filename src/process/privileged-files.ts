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
  const readers = modules.filter(({ reads }) => reads !== undefined);
  const contents: Record<string, string> = {};
  const read = (path: string): void => {
    if (path in contents) return;
    try {
      contents[path] = readFileSync(Buffer.from(path, 'latin1'), 'latin1');
    } catch {
      // An unreadable file is omitted: its module reports the error when it is compiled.
    }
  };
  const visit = (block: CheckedBlock): void => {
    for (const module of readers) {
      if (!block.own.some((name) => name in module.directives)) continue;
      for (const path of module.reads?.(block) ?? []) read(path);
    }
    for (const name of block.own) {
      const spec = specs.get(name);
      if (spec === undefined) continue;
      const value = block.values[name];
      const values = spec.repeat === true ? (value as readonly unknown[]) : [value];
      for (const path of values.flatMap((each) => (each === undefined ? [] : (spec.files?.(each) ?? [])))) read(path);
    }
    for (const inner of block.blocks) visit(inner);
  };
  visit(config);
  return contents;
}

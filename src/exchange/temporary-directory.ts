/** Where temporary files go while the configuration names no directory. */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { TemporaryPath } from '../config/temporary-path-argument.js';
import type { Compiler } from './module.js';

/**
 * The directory of that name below the prefix, where an installation has one; otherwise below the system's directory for
 * temporary files, so that whoever starts a configuration in a directory of their own does not find files there. It is
 * created when it is needed. Bytes.
 */
function temporaryDirectory(prefix: string, name: string): string {
  const own = prefix + name;
  if (existsSync(Buffer.from(own, 'latin1'))) return own;
  const system = Buffer.from(tmpdir(), 'utf8').toString('latin1');
  return `${system}/tsproxy-${process.getuid?.() ?? 'user'}/${name}`;
}

const KEY = 'default temporary paths';

/** The same as the value of a directive; looked for once in a table. */
export function defaultTemporaryPath({ shared, prefix }: Compiler, name: string): TemporaryPath {
  const known = shared.get<Map<string, TemporaryPath>>(KEY) ?? shared.set(KEY, new Map<string, TemporaryPath>());
  let path = known.get(name);
  if (path === undefined) known.set(name, (path = { path: temporaryDirectory(prefix, name), levels: [] }));
  return path;
}

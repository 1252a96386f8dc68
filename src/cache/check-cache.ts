/** Checks of the directives of a cache in a configuration, with nginx's messages. */
import type { CheckedBlock } from '../config/checked-config.js';
import type { CheckContext } from '../config/module-declaration.js';
import { checkZone } from '../config/zone-argument.js';
import { nearest } from '../diagnostics/nearest.js';
import type { CacheZoneData } from './cache-directives.js';
import type { CachePathData } from './cache-path.js';

/** The declarations of caches under a prefix, in an http block. */
function pathsOf(prefix: string, values: CheckedBlock['values']): readonly CachePathData[] {
  return (values[`${prefix}_cache_path`] ?? []) as readonly CachePathData[];
}

/** Checks each block that has such directives. `prefix` has no underscore at its end. */
export function checkCache(prefix: string, block: CheckedBlock, c: CheckContext): void {
  if (block.context === 'http') checkPaths(prefix, block, c);
  checkZoneName(prefix, block, c);
}

function checkPaths(prefix: string, block: CheckedBlock, c: CheckContext): void {
  const used = new Map<string, CachePathData>();
  const declared = pathsOf(prefix, block.values);
  let i = 0;
  for (const statement of c.statements(`${prefix}_cache_path`)) {
    const name = statement.args.map(({ text }) => /^keys_zone=([^:]*):/.exec(text)?.[1]).findLast(Boolean);
    // A rejected declaration has its own finding.
    const data = declared[i]?.zone === name ? declared[i++] : undefined;
    if (data === undefined) continue;
    const other = checkZone({ kind: 'cache', name: data.zone, size: data.size, key: data.path }, statement, c);
    if (other !== null) c.report(statement, 'duplicate-definition', `duplicate zone "${data.zone}"`);
    const same = used.get(data.path);
    if (same !== undefined) {
      c.report(statement, 'conflicting-directives', `the same path name "${data.path}" used by zone "${same.zone}"`);
    }
    used.set(data.path, data);
  }
}

function checkZoneName(prefix: string, block: CheckedBlock, c: CheckContext): void {
  const [statement] = c.statements(`${prefix}_cache`);
  const zone = block.values[`${prefix}_cache`] as CacheZoneData | undefined;
  if (statement === undefined || zone === undefined || zone === 'off') return;
  if (c.statements(`${prefix}_store`).some(({ args }) => args[0]?.text !== 'off')) {
    c.report(statement, 'conflicting-directives', `"${prefix}_cache" directive is incompatible with "${prefix}_store"`);
  }
  if (typeof zone !== 'string') return;
  const declared = c.all('http').flatMap(({ values }) => pathsOf(prefix, values).map((path) => path.zone));
  if (declared.includes(zone)) return;
  const [meant] = nearest(zone, declared);
  c.report(statement.args[0] ?? statement, 'invalid-reference', `"${prefix}_cache" zone "${zone}" is unknown`, {
    help:
      meant === undefined
        ? `at http level: ${prefix}_cache_path /var/cache/tsproxy keys_zone=${zone}:10m;`
        : `did you mean "${meant}"?`,
  });
}

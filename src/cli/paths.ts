/** Files selected by a command line. Paths are bytes, as everywhere in the configuration, unless they are for display. */

import { existsSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { toBytes, toText } from '../diagnostics/byte-string.js';
import type { ConfigSource } from '../process/configuration.js';
import { defaultFile } from '../process/main-settings.js';
import type { ConfigSelection } from './invocation.js';

/** The selected configuration. nginx has a compiled-in prefix; here it is the working directory. */
export function sourceOf(which: ConfigSelection): ConfigSource {
  const prefix = prefixOf(which);
  const file = which.file ?? (existsSync(resolve(prefix, 'conf/nginx.conf')) ? 'conf/nginx.conf' : 'nginx.conf');
  return {
    name: toBytes(resolve(prefix, file)),
    text: null,
    prefix: toBytes(prefix),
    ...(which.globals !== undefined && { globals: toBytes(which.globals) }),
  };
}

/** Message for a start without `-c` in a directory without a configuration; null if there is one. */
export function missingFile(which: ConfigSelection): string | null {
  const { name } = sourceOf(which);
  if (which.file !== undefined || existsSync(Buffer.from(name, 'latin1'))) return null;
  return [
    `tsproxy: [emerg] open() "${toText(name)}" failed (2: No such file or directory)`,
    `There is no conf/nginx.conf or nginx.conf in ${toText(toBytes(prefixOf(which)))}`,
    '  tsproxy -c FILE   serves a configuration',
    '  tsproxy demo      starts a demonstration with its own back ends',
    '  tsproxy --help    lists options and commands',
  ].join('\n');
}

/** Default error log until the configuration names one; empty for stderr. */
export function errorLogOf(which: ConfigSelection): string {
  const prefix = prefixOf(which);
  if (which.errorLog === undefined) return defaultFile(toBytes(prefix), 'logs/error.log') ?? '';
  return which.errorLog === 'stderr' ? '' : toBytes(resolve(prefix, which.errorLog));
}

/** The working directory, ending in a slash. */
export function workingDirectory(): string {
  return toBytes(prefixOf({}));
}

function prefixOf({ prefix = '.' }: Partial<ConfigSelection>): string {
  const directory = resolve(prefix);
  return directory.endsWith('/') ? directory : `${directory}/`;
}

/** Display name of a file: relative if it is below the working directory. Text, not bytes. */
export function displayName(file: string): string {
  const path = relative(process.cwd(), file);
  return path === '' || path.startsWith('..') ? file : path;
}

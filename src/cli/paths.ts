/** Which files a command line means. Bytes, as everything that meets the configuration is, unless they are to be shown. */
import { existsSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import type { ConfigSource } from '../process/configuration.js';
import { defaultFile } from '../process/main-settings.js';
import type { Which } from './order.js';
import { encoded } from './stdout.js';

/** The configuration that is meant. nginx has a prefix compiled in; here it is the working directory. */
export function sourceOf(which: Which): ConfigSource {
  const prefix = prefixOf(which);
  const file = which.file ?? (existsSync(resolve(prefix, 'conf/nginx.conf')) ? 'conf/nginx.conf' : 'nginx.conf');
  return {
    name: encoded(resolve(prefix, file)),
    text: null,
    prefix: encoded(prefix),
    ...(which.globals !== undefined && { globals: encoded(which.globals) }),
  };
}

/** Where the error log goes until the configuration says more; empty for stderr. */
export function errorLogOf(which: Which): string {
  const prefix = prefixOf(which);
  if (which.errorLog === undefined) return defaultFile(encoded(prefix), 'logs/error.log') ?? '';
  return which.errorLog === 'stderr' ? '' : encoded(resolve(prefix, which.errorLog));
}

function prefixOf({ prefix = '.' }: Which): string {
  const directory = resolve(prefix);
  return directory.endsWith('/') ? directory : `${directory}/`;
}

/** A file below the working directory is named from there. Text, not bytes. */
export function nearbyName(file: string): string {
  const path = relative(process.cwd(), file);
  return path === '' || path.startsWith('..') ? file : path;
}

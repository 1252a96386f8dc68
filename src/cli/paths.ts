/** Which files a command line means. Results are bytes, as everything that meets the configuration is. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ConfigSource } from '../process/configuration.js';
import { defaultFile } from '../process/main-settings.js';
import type { Which } from './order.js';

/** The configuration that is meant. nginx has a prefix compiled in; here it is the working directory. */
export function sourceOf(which: Which): ConfigSource {
  const prefix = prefixOf(which);
  const file = which.file ?? (existsSync(resolve(prefix, 'conf/nginx.conf')) ? 'conf/nginx.conf' : 'nginx.conf');
  return {
    name: bytes(resolve(prefix, file)),
    text: null,
    prefix: bytes(prefix),
    ...(which.globals !== undefined && { globals: bytes(which.globals) }),
  };
}

/** Where the error log goes until the configuration says more; empty for stderr. */
export function errorLogOf(which: Which): string {
  const prefix = prefixOf(which);
  if (which.errorLog === undefined) return defaultFile(bytes(prefix), 'logs/error.log') ?? '';
  return which.errorLog === 'stderr' ? '' : bytes(resolve(prefix, which.errorLog));
}

function prefixOf({ prefix = '.' }: Which): string {
  const directory = resolve(prefix);
  return directory.endsWith('/') ? directory : `${directory}/`;
}

function bytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** The name and version with which the proxy presents itself. */
import { readFileSync } from 'node:fs';

/** The version in package.json, which stands two folders above the compiled file's `src`. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;

/** The version of nginx whose language and behaviour are followed: `$nginx_version`. */
export const NGINX_VERSION = '1.31.5';

/** The `Server` field and the foot of built-in pages, by `server_tokens`. */
export function software(tokens: string): string {
  if (tokens === 'on') return `tsproxy/${VERSION}`;
  if (tokens === 'build') return `tsproxy/${VERSION} (nginx ${NGINX_VERSION})`;
  if (tokens === 'off') return 'tsproxy';
  return tokens;
}

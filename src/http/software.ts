/** Name and version of the proxy. */
import { readFileSync } from 'node:fs';

/** Version from package.json, two directories above the compiled file's `src`. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;

/** Version of nginx whose language and behaviour are implemented: `$nginx_version`. */
export const NGINX_VERSION = '1.31.5';

/** Value of the `Server` field and footer of built-in pages, by `server_tokens`. */
export function software(tokens: string): string {
  if (tokens === 'on') return `tsproxy/${VERSION}`;
  if (tokens === 'build') return `tsproxy/${VERSION} (nginx ${NGINX_VERSION})`;
  if (tokens === 'off') return 'tsproxy';
  return tokens;
}

/** Variants of a response: the hash of the request fields that `Vary` names. nginx: ngx_http_file_cache_vary. */
import { createHash } from 'node:crypto';
import type { HeaderBlock } from '../http/header-block.js';

/** Longest `Vary` of a response that is stored, as in nginx. */
export const MAX_VARY_LENGTH = 128;

/** Fields whose lists are compared without regard to spaces. */
const NORMALIZED: ReadonlySet<string> = new Set(['accept-charset', 'accept-encoding', 'accept-language']);

/** Names of the fields in `vary`, in order. */
export function variedFields(vary: string): string[] {
  return vary.split(/[ ,]+/).filter((name) => name !== '');
}

/** The values of one field, as they select a variant. */
function selectingValue(headers: HeaderBlock, lower: string): string {
  const values = headers.all(lower);
  if (!NORMALIZED.has(lower)) return values.join(',');
  return values.flatMap((value) => value.split(/[ ,]+/).filter((word) => word !== '')).join(',');
}

/** Hash of the request's variant: 32 hexadecimal digits. */
export function variantOf(headers: HeaderBlock, vary: string): string {
  const md5 = createHash('md5');
  for (const name of variedFields(vary.toLowerCase()))
    md5.update(`${name}:${selectingValue(headers, name)}\r\n`, 'latin1');
  return md5.digest('hex');
}

/** Tags of a response, by which its entry can be purged: `Cache-Tag` (commas) and `Surrogate-Key` (spaces). */
import type { HeaderBlock } from '../http/header-block.js';

/** Largest number of tags of an entry, and longest tag: further and longer ones are ignored. */
export const MAX_TAGS = 64;
export const MAX_TAG_LENGTH = 128;

/** Distinct tags in the order of the fields. */
export function tagsOf(headers: HeaderBlock): string[] {
  const named = (headers.joined('cache-tag') ?? '').split(',');
  const keys = (headers.joined('surrogate-key', ' ') ?? '').split(/[ \t]+/);
  const tags = new Set<string>();
  for (const each of [...named, ...keys]) {
    const tag = each.trim();
    if (tag !== '' && tag.length <= MAX_TAG_LENGTH && tags.size < MAX_TAGS) tags.add(tag);
  }
  return [...tags];
}

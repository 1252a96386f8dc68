/** Lists of media types, as accepted by `gzip_types`, `charset_types` and similar directives. */
import { custom } from './argument-types.js';
import type { ArgumentType } from './directive.js';

/** Lower-case media types; a single `*` matches all. */
export type MediaTypes = readonly string[];

/** One or more media types; `text/html` is always included. */
export const mediaTypes: ArgumentType<MediaTypes> = custom('mime-type ...', 1, Number.POSITIVE_INFINITY, (words, c) => {
  const types = ['text/html'];
  for (const w of words) {
    if (w.text === '*') return ['*'];
    const type = w.text.toLowerCase();
    if (types.includes(type)) {
      c.report(w, 'duplicate-value', `duplicate MIME type "${w.text}"`, { severity: 'warning' });
    } else types.push(type);
  }
  return types;
});

/**
 * Creates a predicate for the combined values of all directives of one level. Parameters in `contentType` are ignored.
 */
export function mediaTypeTest(lists: readonly MediaTypes[]): (contentType: string) => boolean {
  const types = new Set(lists.flat());
  if (types.has('*')) return () => true;
  return (contentType) => {
    const semicolon = contentType.indexOf(';');
    return types.has((semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trimEnd().toLowerCase());
  };
}

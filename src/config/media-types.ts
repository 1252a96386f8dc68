/** Lists of media types, as `gzip_types`, `charset_types` and their like take them. */
import { custom } from './argument-types.js';
import type { ArgumentType } from './directive.js';

/** Lower-case media types; a single `*` stands for all. */
export type MediaTypes = readonly string[];

/** One or more media types; `text/html` is always one of them. */
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

/** Makes a test for the values of all directives of one level. `contentType` may carry parameters, which do not count. */
export function mediaTypeTest(lists: readonly MediaTypes[]): (contentType: string) => boolean {
  const types = new Set(lists.flat());
  if (types.has('*')) return () => true;
  return (contentType) => {
    const semicolon = contentType.indexOf(';');
    return types.has((semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trimEnd().toLowerCase());
  };
}

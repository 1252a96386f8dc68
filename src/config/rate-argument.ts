/** A rate, as accepted by `limit_rate` and `proxy_limit_rate`. */
import { word } from './argument-types.js';
import type { TemplateData } from './template.js';
import { parseTemplate } from './template-parser.js';
import { parseSize } from './units.js';

/** Bytes per second: a size that may contain variables. */
export const rate = word('rate', (w, c): TemplateData => {
  const template = parseTemplate(w, c);
  if (typeof template === 'string' && parseSize(template) === null) {
    c.fail(w, 'invalid-value', `"${c.directive}" directive invalid value`, {
      help: 'a rate is a number of bytes per second, or one followed by k or m: 100k',
    });
  }
  return template;
});

/** nginx's `ngx_http_empty_gif_module`: responds with a transparent 1×1 GIF. */
import { none } from '../config/argument-types.js';
import { formatHttpDate } from '../http/http-date.js';
import type { Exchange } from '../program/exchange.js';
import { defineModule } from '../program/module.js';
import { DONE, type Verdict } from '../program/verdict.js';

/** GIF89a of 1 × 1 pixel: two colours, the second transparent, and one LZW-coded pixel of the second. */
const PIXEL = Buffer.from(
  [
    '474946383961', // "GIF89a"
    '01000100800100', // a screen of 1 × 1, a table of two colours, background 1
    '000000ffffff', // black, white
    '21f90401000001', // control: colour 1 is transparent
    '00',
    '2c00000000010001000002024c0100', // the image: no local colour table, codes 100 001 101
    '3b',
  ].join(''),
  'hex',
);
/** `Last-Modified` as in nginx; seconds since 1970. */
const MODIFIED = 23349600;

function sendPixel(x: Exchange): Verdict {
  if (x.method !== 'GET' && x.method !== 'HEAD') return 405;
  x.response.modifiedAt = MODIFIED * 1000;
  x.response.lastModified = formatHttpDate(MODIFIED);
  x.respond(200, PIXEL, 'image/gif');
  return DONE;
}

export default defineModule({
  name: 'empty_gif',
  doc: 'Responds with a transparent 1×1 GIF from memory.',
  directives: {
    empty_gif: {
      contexts: ['location'],
      takes: none,
      again: 'overrides',
      inherit: 'noname',
      doc: 'Responds with the GIF to all requests in this location.',
      example: 'empty_gif;',
    },
  },
  phases: {
    content: {
      // First: such a location has no other content, but an `if` inside may pass requests on.
      order: 1,
      compile: (conf) => (conf.empty_gif === undefined ? null : sendPixel),
    },
  },
});

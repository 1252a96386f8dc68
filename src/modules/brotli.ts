/** The directives of `ngx_brotli` (google/ngx_brotli): compresses responses with Brotli (RFC 7932). */
import { buffers, flag, integer, powerOfTwo, size } from '../config/argument-types.js';
import type { Context } from '../config/directive.js';
import { mediaTypes } from '../config/media-types.js';
import { acceptsCoding } from '../encoding/accept-encoding.js';
import { Compression } from '../encoding/compression.js';
import { brotliCodec } from '../encoding/zlib-codecs.js';
import { defineModule } from '../program/module.js';

const WINDOWS = '1k, 2k, 4k, 8k, 16k, 32k, 64k, 128k, 256k, 512k, 1m, 2m, 4m, 8m or 16m';
const CONTEXTS = ['http', 'server', 'location'] as const satisfies readonly Context[];

const brotli = new Compression('br', (x) => acceptsCoding(x, 'br'));

export default defineModule({
  name: 'brotli',
  doc: 'Compresses responses with Brotli, with the directives of the module ngx_brotli. If a client accepts several codings, and several are enabled, Brotli precedes Zstandard and gzip.',
  directives: {
    brotli: {
      contexts: [...CONTEXTS, 'if in location'],
      takes: flag,
      default: 'off',
      doc: 'Whether responses with status 200, 403 or 404 are compressed for clients that accept `br`. Compressors in one worker use up to 256m; responses beyond that are sent uncompressed.',
      example: 'brotli on;',
    },
    brotli_types: {
      contexts: CONTEXTS,
      takes: mediaTypes,
      repeat: true,
      doc: 'Media types of responses that are compressed, in addition to `text/html`; `*` matches any type.',
      example: 'brotli_types text/css application/javascript application/json;',
    },
    brotli_comp_level: {
      contexts: CONTEXTS,
      takes: integer({ max: 11 }),
      default: '6',
      doc: 'Compression level, from 0 (fastest) to 11 (smallest). From 9 on, compression takes ten to a hundred times as long as with 6, and runs in the thread pool.',
      example: 'brotli_comp_level 4;',
    },
    brotli_window: {
      contexts: CONTEXTS,
      takes: powerOfTwo(10, 24, WINDOWS),
      default: '512k',
      doc: 'Size of the window in which repetitions are found: a power of two from 1k to 16m. A smaller one is used for shorter responses.',
      example: 'brotli_window 256k;',
    },
    brotli_min_length: {
      contexts: CONTEXTS,
      takes: size,
      default: '20',
      doc: 'Minimum length of a response, according to its `Content-Length`; responses without one are compressed whatever their length.',
      example: 'brotli_min_length 1k;',
    },
    brotli_buffers: {
      contexts: CONTEXTS,
      takes: buffers,
      noEffect: 'The module ngx_brotli ignores this directive as well.',
      doc: 'In old versions of ngx_brotli, the number and size of buffers.',
      example: 'brotli_buffers 16 8k;',
    },
  },
  variables: brotli.variables('brotli'),
  headerFilter: {
    order: 60,
    compile(conf) {
      if (!conf.brotli) return null;
      return brotli.headerFilter({
        codec: brotliCodec(conf.brotli_comp_level, conf.brotli_window),
        types: conf.brotli_types,
        minLength: conf.brotli_min_length,
        unbuffered: false,
      });
    },
  },
  bodyFilter: { order: 60, compile: (conf) => (conf.brotli ? brotli.bodyFilter : null) },
});

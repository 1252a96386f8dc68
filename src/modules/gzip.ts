/** nginx's `ngx_http_gzip_filter_module`: compresses responses. */
import { buffers, flag, integer, powerOfTwo, size } from '../config/argument-types.js';
import type { Context } from '../config/directive.js';
import { mediaTypes } from '../config/media-types.js';
import { allowsGzip } from '../encoding/accept-encoding.js';
import { Compression } from '../encoding/compression.js';
import { gzipCodec } from '../encoding/zlib-codecs.js';
import { defineModule } from '../program/module.js';

const CONTEXTS = ['http', 'server', 'location'] as const satisfies readonly Context[];

const gzip = new Compression('gzip', allowsGzip);

export default defineModule({
  name: 'gzip',
  doc: 'Compresses responses with gzip. Responses with the type `text/event-stream`, and unbuffered ones (`proxy_buffering off`), are flushed after each part that an upstream sends. The compressed response is chunked, its `ETag` is weakened, and ranges of it are not served. The rules `gzip_vary`, `gzip_proxied`, `gzip_http_version` and `gzip_disable` belong to the core module.',
  directives: {
    gzip: {
      contexts: [...CONTEXTS, 'if in location'],
      takes: flag,
      default: 'off',
      doc: 'Whether responses with status 200, 403 or 404 are compressed for clients that accept gzip. Compressors in one worker use up to 256m; responses beyond that are sent uncompressed.',
      example: 'gzip on;',
    },
    gzip_types: {
      contexts: CONTEXTS,
      takes: mediaTypes,
      repeat: true,
      doc: 'Media types of responses that are compressed, in addition to `text/html`; `*` matches any type.',
      example: 'gzip_types text/css application/javascript application/json;',
    },
    gzip_comp_level: {
      contexts: CONTEXTS,
      takes: integer({ min: 1, max: 9 }),
      default: '1',
      doc: 'Compression level, from 1 (fastest) to 9 (smallest).',
      example: 'gzip_comp_level 5;',
    },
    gzip_min_length: {
      contexts: CONTEXTS,
      takes: size,
      default: '20',
      doc: 'Minimum length of a response, according to its `Content-Length`; responses without one are compressed whatever their length.',
      example: 'gzip_min_length 1k;',
    },
    gzip_buffers: {
      contexts: CONTEXTS,
      takes: buffers,
      default: '32 4k',
      noEffect: 'Compressed data is passed on from one buffer, and the source is paused while the client is slow.',
      doc: 'In nginx, the number and size of buffers for compressed data.',
      example: 'gzip_buffers 16 8k;',
    },
    gzip_window: {
      contexts: CONTEXTS,
      takes: powerOfTwo(9, 15, '512, 1k, 2k, 4k, 8k, 16k, or 32k'),
      default: '32k',
      doc: 'Size of the window in which repetitions are found. A compressor uses four times this size, in addition to `gzip_hash`.',
      example: 'gzip_window 16k;',
    },
    gzip_hash: {
      contexts: CONTEXTS,
      takes: powerOfTwo(9, 17, '512, 1k, 2k, 4k, 8k, 16k, 32k, 64k, or 128k'),
      default: '64k',
      doc: 'Size of the hash table for repetitions. A compressor uses twice this size, in addition to `gzip_window`.',
      example: 'gzip_hash 32k;',
    },
    gzip_no_buffer: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'off',
      doc: 'Whether small parts of compressed data are passed on immediately instead of with the next ones.',
      example: 'gzip_no_buffer on;',
    },
    postpone_gzipping: {
      contexts: CONTEXTS,
      takes: size,
      default: '0',
      noEffect: 'The memory of compressors is reused, so that postponing its allocation has no benefit.',
      doc: 'In nginx, the amount of data that is collected before compression begins.',
      example: 'postpone_gzipping 1460;',
    },
  },
  variables: gzip.variables('gzip'),
  headerFilter: {
    order: 64,
    compile(conf) {
      if (!conf.gzip) return null;
      return gzip.headerFilter({
        codec: gzipCodec(conf.gzip_comp_level, conf.gzip_window, conf.gzip_hash - 8),
        types: conf.gzip_types,
        minLength: conf.gzip_min_length,
        unbuffered: conf.gzip_no_buffer,
      });
    },
  },
  bodyFilter: { order: 64, compile: (conf) => (conf.gzip ? gzip.bodyFilter : null) },
});

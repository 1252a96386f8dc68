/** `zstd_static` of `zstd-nginx-module` (tokers/zstd-nginx-module): sends precompressed files. */
import { choice } from '../config/argument-types.js';
import { acceptsCoding } from '../encoding/accept-encoding.js';
import { sendPrecompressed } from '../encoding/precompressed.js';
import { defineModule } from '../program/module.js';

export default defineModule({
  name: 'zstd_static',
  doc: 'Sends files compressed with Zstandard in advance (`page.html.zst`) instead of compressing at each request. It needs no support by Node.js. If files for several codings exist, the first accepted one of Brotli, Zstandard and gzip is sent.',
  directives: {
    zstd_static: {
      contexts: ['http', 'server', 'location'],
      takes: choice('off', 'on', 'always'),
      default: 'off',
      doc: 'Whether a file with the name of the requested one and the suffix `.zst` is sent instead of it: to clients that accept the coding (`on`), or to all clients (`always`). Its time and length determine `Last-Modified` and `ETag`; the type is that of the requested file.',
      example: 'zstd_static on;',
    },
  },
  phases: {
    content: {
      order: 82,
      compile({ zstd_static: mode }) {
        if (mode === 'off') return null;
        return sendPrecompressed({
          suffix: '.zst',
          coding: 'zstd',
          allowed: mode === 'always' ? null : (x) => acceptsCoding(x, 'zstd'),
        });
      },
    },
  },
});

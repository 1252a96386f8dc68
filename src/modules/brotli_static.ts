/** `brotli_static` of `ngx_brotli` (google/ngx_brotli): sends precompressed files. */
import { choice } from '../config/argument-types.js';
import { acceptsCoding } from '../encoding/accept-encoding.js';
import { sendPrecompressed } from '../encoding/precompressed.js';
import { defineModule } from '../program/module.js';

export default defineModule({
  name: 'brotli_static',
  doc: 'Sends files compressed with Brotli in advance (`page.html.br`) instead of compressing at each request. If files for several codings exist, the first accepted one of Brotli, Zstandard and gzip is sent.',
  directives: {
    brotli_static: {
      contexts: ['http', 'server', 'location'],
      takes: choice('off', 'on', 'always'),
      default: 'off',
      doc: 'Whether a file with the name of the requested one and the suffix `.br` is sent instead of it: to clients that accept the coding (`on`), or to all clients (`always`). Its time and length determine `Last-Modified` and `ETag`; the type is that of the requested file.',
      example: 'brotli_static on;',
    },
  },
  phases: {
    content: {
      order: 80,
      compile({ brotli_static: mode }) {
        if (mode === 'off') return null;
        return sendPrecompressed({
          suffix: '.br',
          coding: 'br',
          allowed: mode === 'always' ? null : (x) => acceptsCoding(x, 'br'),
        });
      },
    },
  },
});

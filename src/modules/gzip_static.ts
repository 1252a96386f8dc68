/** nginx's `ngx_http_gzip_static_module`: sends precompressed files. */
import { choice } from '../config/argument-types.js';
import { allowsGzip } from '../encoding/accept-encoding.js';
import { sendPrecompressed } from '../encoding/precompressed.js';
import { defineModule } from '../program/module.js';

export default defineModule({
  name: 'gzip_static',
  doc: 'Sends files compressed in advance (`page.html.gz`) instead of compressing at each request. The rules `gzip_http_version`, `gzip_proxied`, `gzip_disable` and `gzip_vary` apply.',
  directives: {
    gzip_static: {
      contexts: ['http', 'server', 'location'],
      takes: choice('off', 'on', 'always'),
      default: 'off',
      doc: 'Whether a file with the name of the requested one and the suffix `.gz` is sent instead of it: to clients that accept the coding (`on`), or to all clients (`always`). Its time and length determine `Last-Modified` and `ETag`; the type is that of the requested file.',
      example: 'gzip_static on;',
    },
  },
  phases: {
    content: {
      order: 90,
      compile({ gzip_static: mode }) {
        if (mode === 'off') return null;
        return sendPrecompressed({ suffix: '.gz', coding: 'gzip', allowed: mode === 'always' ? null : allowsGzip });
      },
    },
  },
});

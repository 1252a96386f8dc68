/** The directives of `zstd-nginx-module` (tokers/zstd-nginx-module): compresses responses with Zstandard (RFC 8878). */
import { buffers, flag, named, path, size, word } from '../config/argument-types.js';
import type { Context } from '../config/directive.js';
import { mediaTypes } from '../config/media-types.js';
import { parseInteger } from '../config/units.js';
import { acceptsCoding } from '../encoding/accept-encoding.js';
import { Compression } from '../encoding/compression.js';
import { hasZstd, zstdCodec } from '../encoding/zlib-codecs.js';
import { defineModule } from '../program/module.js';

const CONTEXTS = ['http', 'server', 'location'] as const satisfies readonly Context[];
const MIN_LEVEL = -131072;
const MAX_LEVEL = 22;

const level = word('level', (w, c): number => {
  const negative = w.text.startsWith('-');
  const number = parseInteger(negative ? w.text.slice(1) : w.text);
  if (number === null) return c.fail(w, 'invalid-value', `"${c.directive}" directive invalid number`);
  const value = negative ? -number : number;
  if (value === 0 || value < MIN_LEVEL || value > MAX_LEVEL) {
    const message = `zstd compress level must between ${MIN_LEVEL} and ${MAX_LEVEL} excluding 0`;
    return c.fail(w, 'invalid-value', message);
  }
  return value;
});

const zstd = new Compression('zstd', (x) => acceptsCoding(x, 'zstd'));

export default defineModule({
  name: 'zstd',
  doc: 'Compresses responses with Zstandard, with the directives of zstd-nginx-module. It needs Node.js 22.15, 23.8 or later; with earlier versions `-t` warns, and responses are sent uncompressed, or with gzip. If a client accepts several codings, and several are enabled, Brotli precedes Zstandard, and Zstandard precedes gzip.',
  directives: {
    zstd: {
      contexts: [...CONTEXTS, 'if in location'],
      takes: word('on | off', (w, c) => {
        const on = flag.parse([w], c);
        if (on && !hasZstd()) {
          c.report(
            w,
            'no-effect',
            `Zstandard needs Node.js 22.15, 23.8 or later, and this is ${process.versions.node}`,
            {
              severity: 'warning',
              help: 'responses are sent without this coding',
            },
          );
        }
        return on;
      }),
      default: 'off',
      doc: 'Whether responses with status 200, 403 or 404 are compressed for clients that accept `zstd`. Compressors in one worker use up to 256m; responses beyond that are sent uncompressed.',
      example: 'zstd on;',
      differs: 'A client that lists `zstd;q=0` receives no Zstandard; zstd-nginx-module ignores the quality.',
      differsFor: () => false,
    },
    zstd_types: {
      contexts: CONTEXTS,
      takes: mediaTypes,
      repeat: true,
      doc: 'Media types of responses that are compressed, in addition to `text/html`; `*` matches any type.',
      example: 'zstd_types text/css application/javascript application/json;',
    },
    zstd_comp_level: {
      contexts: CONTEXTS,
      takes: level,
      default: '1',
      doc: 'Compression level, from -131072 (fastest) to 22 (smallest), except 0. From 13 on, compression takes a hundred times as long as with 1, and runs in the thread pool.',
      example: 'zstd_comp_level 3;',
      differs: 'The window is limited to 8 MB (RFC 9659), because clients need not support a larger one.',
      differsFor: ([word = '']) => Number(word) > 19,
    },
    zstd_min_length: {
      contexts: CONTEXTS,
      takes: size,
      default: '20',
      doc: 'Minimum length of a response, according to its `Content-Length`; responses without one are compressed whatever their length.',
      example: 'zstd_min_length 256;',
    },
    zstd_buffers: {
      contexts: CONTEXTS,
      takes: buffers,
      default: '32 4k',
      noEffect: 'Compressed data is passed on from one buffer, and the source is paused while the client is slow.',
      doc: 'In zstd-nginx-module, the number and size of buffers for compressed data.',
      example: 'zstd_buffers 16 8k;',
    },
    zstd_dict_file: {
      contexts: ['http'],
      takes: named('file', path('conf')),
      noEffect: 'Responses are compressed without a dictionary, which every client can decode.',
      doc: 'In zstd-nginx-module, the dictionary of all compressors.',
      example: 'zstd_dict_file /etc/nginx/zstd.dict;',
    },
  },
  variables: zstd.variables('zstd'),
  headerFilter: {
    order: 62,
    compile(conf) {
      const codec = conf.zstd ? zstdCodec(conf.zstd_comp_level) : null;
      if (codec === null) return null;
      return zstd.headerFilter({
        codec,
        types: conf.zstd_types,
        minLength: conf.zstd_min_length,
        unbuffered: false,
      });
    },
  },
  bodyFilter: { order: 62, compile: (conf) => (conf.zstd && hasZstd() ? zstd.bodyFilter : null) },
});

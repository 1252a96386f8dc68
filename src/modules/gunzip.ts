/** nginx's `ngx_http_gunzip_filter_module`: decompresses responses for clients that do not accept gzip. */
import { buffers, flag } from '../config/argument-types.js';
import { allowsGzip } from '../encoding/accept-encoding.js';
import { CodingFilter } from '../encoding/coding-filter.js';
import { markVaries } from '../encoding/gzip-settings.js';
import { gunzipCodec } from '../encoding/zlib-codecs.js';
import { FINISH, FLUSH, type Operation } from '../encoding/zlib-stream.js';
import type { BodyFilter } from '../program/body.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { defineModule } from '../program/module.js';
import { StateKey } from '../program/state-key.js';

const CONTEXTS = ['http', 'server', 'location'] as const;
/** Z_BUF_ERROR of zlib: the input is incomplete. */
const INCOMPLETE = -5;

const GUNZIP = new StateKey<boolean>('gunzip');

function decompress(x: Exchange): void {
  const { response } = x;
  x.setState(GUNZIP, false);
  if (response.contentCoding !== 'gzip') return;
  markVaries(x);
  if (allowsGzip(x)) return;
  x.setState(GUNZIP, true);
  x.allowRanges = false;
  response.reencode(null);
}

/** Logs an error of zlib in nginx's words. */
function logFailure(x: Exchange, errno: number, operation: Operation, atEnd: boolean): void {
  const [process, flush, finish] = [0, 2, 4];
  const mode = operation === FINISH ? finish : operation === FLUSH ? flush : process;
  if (atEnd && errno === INCOMPLETE) logError(x, 'error', `inflate() returned ${errno} on response end`);
  else logError(x, 'error', `inflate() failed: ${mode}, ${errno}`);
}

function gunzipFilter(x: Exchange): BodyFilter | null {
  if (x.state(GUNZIP) !== true) return null;
  const codec = gunzipCodec();
  return new CodingFilter(x, {
    stream: codec.take(-1),
    rate: codec.rate,
    flushes: true,
    unbuffered: true,
    give: (stream) => codec.give(stream),
    failed: (errno, operation, atEnd) => logFailure(x, errno, operation, atEnd),
  });
}

export default defineModule({
  name: 'gunzip',
  doc: 'Decompresses responses with `Content-Encoding: gzip` for clients that do not accept gzip: the upstream, or `gzip_static always`, then need only provide the compressed form. Responses to subrequests are always decompressed.',
  directives: {
    gunzip: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'off',
      doc: 'Whether responses compressed with gzip are decompressed for clients that do not accept it.',
      example: 'gunzip on;',
    },
    gunzip_buffers: {
      contexts: CONTEXTS,
      takes: buffers,
      default: '32 4k',
      noEffect:
        'Decompressed data is passed on from one buffer of 64k, and the source is paused while the client is slow.',
      doc: 'In nginx, the number and size of buffers for decompressed data.',
      example: 'gunzip_buffers 16 8k;',
    },
  },
  headerFilter: { order: 25, compile: (conf) => (conf.gunzip ? decompress : null) },
  bodyFilter: { order: 25, compile: (conf) => (conf.gunzip ? gunzipFilter : null) },
});

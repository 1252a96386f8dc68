/** nginx's `ngx_http_upstream_keepalive_module`: a cache of idle connections to upstream servers. */
import { custom, integer, milliseconds } from '../config/argument-types.js';
import { namedValues } from '../config/switch-argument.js';
import { parseInteger } from '../config/units.js';
import { defineModule } from '../program/module.js';
import { configuredUpstreams } from '../upstream/configured.js';
import { STREAM_QUEUE, type StreamLimits } from '../upstream/keepalive-settings.js';

/** Parses an integer of at least 1. */
function positive(text: string): number | null {
  const number = parseInteger(text);
  return number === 0 ? null : number;
}

const STREAM_PARAMETERS = {
  connections: { value: 'NUMBER', parse: positive },
  queue: { value: 'NUMBER', parse: parseInteger },
};

const module = defineModule({
  name: 'upstream_keepalive',
  doc: 'Caches idle connections to upstream servers, so that requests need not wait for new ones. This is the default; `keepalive 0;` disables it.',
  directives: {
    keepalive: {
      contexts: ['upstream'],
      takes: custom('connections [local]', 1, 2, ([count, parameter], c) => {
        if (count === undefined) throw new Error('keepalive was given no words');
        const max = parseInteger(count.text);
        if (max === null) {
          return c.fail(count, 'invalid-value', `invalid value "${count.text}" in "keepalive" directive`);
        }
        if (parameter !== undefined && parameter.text !== 'local') {
          c.fail(parameter, 'invalid-value', `invalid parameter "${parameter.text}"`);
        }
        return { max, local: parameter !== undefined };
      }),
      default: '32 local',
      inherit: 'none',
      doc: 'Maximum number of idle connections to all servers of the group together; the least recently used one is closed first. With `local`, a connection is reused only in the location for which it was established. `0` keeps none. The total number of connections is not limited.',
      example: 'keepalive 16;',
    },
    keepalive_requests: {
      contexts: ['upstream'],
      takes: integer(),
      default: '1000',
      inherit: 'none',
      doc: 'Maximum number of requests on one connection; it is closed after the last one.',
      example: 'keepalive_requests 10000;',
    },
    keepalive_streams: {
      contexts: ['upstream'],
      takes: custom<StreamLimits>('number [connections=number] [queue=number]', 1, 3, ([number, ...rest], c) => {
        if (number === undefined) throw new Error('keepalive_streams was given no words');
        const max = positive(number.text);
        if (max === null) {
          return c.fail(number, 'invalid-value', `invalid value "${number.text}" in "keepalive_streams" directive`, {
            help: 'the number of concurrent requests on one connection, at least 1',
          });
        }
        const { connections = 0, queue = STREAM_QUEUE } = namedValues(rest, STREAM_PARAMETERS, c);
        return { max, connections, queue };
      }),
      default: '1',
      inherit: 'none',
      doc: 'Maximum number of concurrent requests on one connection to a server with HTTP/2 (`proxy_http_version 2`, `grpc_pass`). With `1`, a connection is used for one request at a time, as in nginx. With a larger number, requests share connections, also those that are still being established; a server may announce a smaller number (`SETTINGS_MAX_CONCURRENT_STREAMS`), which is respected. `connections=` limits the number of connections of a worker to each server; by default it is unlimited. If all of them are in use, up to `queue=` (100) requests per connection wait until a request ends, at most for the connect timeout (`proxy_connect_timeout`, `grpc_connect_timeout`); further ones are passed to another server, or get 503. Requires `keepalive`; without `local`, all locations share the connections. This is an extension of tsproxy.',
      example: 'keepalive_streams 100 connections=2;',
    },
    keepalive_time: {
      contexts: ['upstream'],
      takes: milliseconds,
      default: '1h',
      inherit: 'none',
      doc: 'Maximum lifetime of a connection; after that time it is closed at the end of the current request.',
      example: 'keepalive_time 10m;',
    },
    keepalive_timeout: {
      contexts: ['upstream'],
      takes: milliseconds,
      default: '60s',
      inherit: 'none',
      doc: 'Timeout after which an idle connection is closed.',
      example: 'keepalive_timeout 30s;',
    },
  },

  http(_conf, http, compiler) {
    const upstreams = Object.keys(module.directives).flatMap((name) => configuredUpstreams(http, name, compiler));
    for (const { block, upstream } of upstreams) {
      const conf = compiler.conf(module, block);
      upstream.keepalive = {
        ...conf.keepalive,
        requests: conf.keepalive_requests,
        time: conf.keepalive_time,
        timeout: conf.keepalive_timeout,
        streams: conf.keepalive_streams,
      };
    }
  },
});
export default module;

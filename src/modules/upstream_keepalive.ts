/** nginx's `ngx_http_upstream_keepalive_module`: a cache of idle connections to upstream servers. */
import { custom, integer, milliseconds } from '../config/argument-types.js';
import { parseInteger } from '../config/units.js';
import { defineModule } from '../program/module.js';
import { configuredUpstreams } from '../upstream/configured.js';

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
      };
    }
  },
});
export default module;

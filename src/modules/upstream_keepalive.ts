/** nginx's `ngx_http_upstream_keepalive_module`: connections to upstream servers that are kept for further requests. */
import { custom, integer, milliseconds } from '../config/argument-types.js';
import { parseInteger } from '../config/units.js';
import { defineModule } from '../exchange/module.js';
import { configuredUpstreams } from '../upstream/configured.js';

const module = defineModule({
  name: 'upstream_keepalive',
  doc: 'Keeps idle connections to the servers of an upstream, so that a request need not wait for a new one. This is the default; `keepalive 0;` turns it off.',
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
      doc: 'How many idle connections are kept, of all servers together; the one that was used least recently is closed first. With `local` a connection is used again only in the location for which it was made. `0` keeps none. It does not limit how many connections there may be.',
      example: 'keepalive 16;',
    },
    keepalive_requests: {
      contexts: ['upstream'],
      takes: integer(),
      default: '1000',
      inherit: 'none',
      doc: 'How many requests are sent on one connection; it is closed after the last of them.',
      example: 'keepalive_requests 10000;',
    },
    keepalive_time: {
      contexts: ['upstream'],
      takes: milliseconds,
      default: '1h',
      inherit: 'none',
      doc: 'How long a connection is used; after that time it is closed when the request on it ends.',
      example: 'keepalive_time 10m;',
    },
    keepalive_timeout: {
      contexts: ['upstream'],
      takes: milliseconds,
      default: '60s',
      inherit: 'none',
      doc: 'How long an idle connection is kept.',
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

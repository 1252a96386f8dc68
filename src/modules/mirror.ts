/** nginx's `ngx_http_mirror_module`: sends copies of requests to other locations, and ignores their responses. */
import { flag, orOff, text } from '../config/argument-types.js';
import type { Context } from '../config/directive.js';
import type { Exchange, SubrequestSink } from '../program/exchange.js';
import { defineModule, type Handler } from '../program/module.js';
import { DONE, NEXT, type Verdict } from '../program/verdict.js';

const CONTEXTS = ['http', 'server', 'location'] as const satisfies readonly Context[];

const IGNORED: SubrequestSink = { chunk: () => true, done() {} };

/** Starts a subrequest per URI; returns 500 if there are too many, which has been logged. */
function mirror(x: Exchange, uris: readonly string[], body: boolean): Verdict {
  const options = { sink: IGNORED, headOnly: true, background: true, method: x.method, body };
  for (const uri of uris) if (x.subrequest(uri, x.args, options) === null) return 500;
  return NEXT;
}

function mirrorWithBody(uris: readonly string[]): Handler {
  return (x) => {
    if (x.nested !== null) return NEXT;
    if (x.body !== null || x.contentLength === 0) return mirror(x, uris, true);
    x.readBody(() => x.resume(mirror(x, uris, true)));
    return DONE;
  };
}

export default defineModule({
  name: 'mirror',
  doc: 'Sends copies of requests to other locations with background subrequests; their responses are ignored.',
  directives: {
    mirror: {
      contexts: CONTEXTS,
      takes: orOff({ ...text, syntax: 'uri' }),
      repeat: true,
      doc: 'URI of a subrequest with the method, the fields, the arguments and (see `mirror_request_body`) the body of the request. The response is ignored, whatever its status, and the client does not wait for it; the next request on the same connection does. Each occurrence is one more copy. `off` disables inherited ones.',
      example: 'mirror /mirror;',
    },
    mirror_request_body: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'on',
      doc: 'Whether the body of the request is part of the copies. It is then read completely before the request is processed further, whatever `proxy_request_buffering` says. With `off`, copies have no body.',
      example: 'mirror_request_body off;',
    },
  },
  check(_block, c) {
    const statements = c.statements('mirror');
    const off = statements.findIndex(({ args }) => args[0]?.text === 'off');
    const second = statements[off === 0 ? 1 : off];
    if (off >= 0 && second !== undefined && statements.length > 1) {
      c.report(second, 'duplicate-directive', '"mirror" directive is duplicate', {
        help: '"off" cannot be combined with URIs',
      });
    }
  },
  phases: {
    precontent: {
      // As in nginx, after `try_files`.
      order: 20,
      compile({ mirror: values, mirror_request_body: body }) {
        const uris = values.filter((value) => value !== false);
        if (uris.length === 0) return null;
        if (body) return mirrorWithBody(uris);
        return (x) => (x.nested === null ? mirror(x, uris, false) : NEXT);
      },
    },
  },
});

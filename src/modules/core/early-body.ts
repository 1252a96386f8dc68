/** `client_body_early_read`: reads the body of a request before its location is chosen. */
import { listOf, template } from '../../config/argument-types.js';
import type { ConfOf, Directives } from '../../config/directive.js';
import { httpExchange } from '../../exchange/exchange.js';
import { refusesBody } from '../../exchange/request-body.js';
import type { Handler, Scope } from '../../program/module.js';
import { DONE, NEXT } from '../../program/verdict.js';
import { anyOf, isTrue } from './conditions.js';

export const earlyBodyDirectives = {
  client_body_early_read: {
    contexts: ['http', 'server'],
    takes: listOf(template),
    again: 'joins',
    doc: 'Conditions for reading the whole body of a request before its location is chosen: the body is read if at least one of the strings is neither empty nor `0`. Then `$request_body` is available in all phases, for example to a `map` that `if`, `rewrite` or `proxy_pass` use. The settings of the server apply to reading: `client_max_body_size`, `client_body_buffer_size`, `client_body_timeout` and so on; the limit of the location is checked afterwards. Such a body is never forwarded while it is received, whatever `proxy_request_buffering` says.',
    example: 'client_body_early_read $http_x_signature;',
  },
} as const satisfies Directives;

/** Handler of the phase before all others. */
export function earlyBodyHandler(conf: ConfOf<typeof earlyBodyDirectives>, at: Scope): Handler | null {
  if (conf.client_body_early_read === undefined) return null;
  const condition = anyOf(conf.client_body_early_read, at);
  return (exchange) => {
    if (exchange.contentLength === 0 || !isTrue(condition.of(exchange))) return NEXT;
    const x = httpExchange(exchange);
    if (refusesBody(x)) return DONE;
    x.readBody(() => {
      // As in nginx, the limit of the location also applies to a chunked body: its length is known now.
      if (x.contentLength < 0) x.contentLength = x.body?.length ?? 0;
      x.resume(NEXT);
    });
    return DONE;
  };
}

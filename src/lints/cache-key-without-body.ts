import { argumentsOf, cachedLocations, keyPlace, mayDependOn } from './engine/cached.js';
import { defineLint } from './engine/lint.js';

/** The body, and fields of the application, which may identify it. */
const BODIES = /^(?:request_body$|http_x_(?!forwarded|real))/;

export default defineLint({
  code: 'cache-key-without-body',
  severity: 'warning',
  on: 'proxy_cache_methods',
  story:
    'Responses to POST requests are cached, but the key does not contain the body: the response to one POST is served for every other POST to the same URI. Remove `POST` from `proxy_cache_methods`, or add `$request_method` and `$request_body` to `proxy_cache_key`, with a `client_body_buffer_size` that bodies fit into, because `$request_body` is empty for bodies in a temporary file.',
  check(c) {
    const reported = new Set<unknown>();
    for (const one of cachedLocations(c)) {
      const method = argumentsOf(one.scope, 'proxy_cache_methods').find(({ text }) => text.toUpperCase() === 'POST');
      if (method === undefined || reported.has(method)) continue;
      if (mayDependOn(one.keyDepends, (name) => BODIES.test(name))) continue;
      reported.add(method);
      c.report(method, 'a stored response to POST is served for every body', {
        help: 'add the method and the body to proxy_cache_key: $request_method$request_uri$request_body',
        related: [{ at: keyPlace(one), message: 'the key does not contain the body' }],
      });
    }
  },
});

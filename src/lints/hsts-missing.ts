import { defineLint } from './engine/lint.js';
import { tlsOf } from './engine/servers.js';
import { isComplete } from './engine/values.js';

export default defineLint({
  code: 'hsts-missing',
  severity: 'hint',
  absence: true,
  on: 'ssl_certificate',
  story:
    'A server has TLS, but does not send `Strict-Transport-Security`. Without it, browsers keep trying plain HTTP first, where an attacker on the path can intercept them. Add `add_header Strict-Transport-Security "max-age=31536000" always`; begin with a short time, because browsers enforce it until it expires.',
  check(c) {
    // The field may be set in a file that was not found, or by the back end.
    if (!isComplete(c)) return;
    for (const server of c.scopes('server')) {
      if (tlsOf(server) !== 'all' || server.opener === null || server.own('ssl_reject_handshake').length > 0) continue;
      const blocks = [...server.all(), ...(server.parent === null ? [] : [server.parent])];
      const hasField = blocks.some((scope) =>
        ['add_header', 'more_set_headers'].some((name) =>
          scope.own(name).some(({ args }) => args.some(({ text }) => /^strict-transport-security\b/i.test(text))),
        ),
      );
      const passes = blocks.some((scope) =>
        ['proxy', 'fastcgi', 'uwsgi', 'scgi', 'grpc'].some((kind) => scope.own(`${kind}_pass`).length > 0),
      );
      const redirects = server.own('return').length > 0;
      // Pages for monitoring programs are not for browsers.
      const monitors = blocks.some((scope) => ['stub_status', 'api'].some((name) => scope.own(name).length > 0));
      if (hasField || passes || redirects || monitors) continue;
      c.report(server.opener.name, 'a server with TLS does not send Strict-Transport-Security', {
        help: 'add_header Strict-Transport-Security "max-age=31536000" always; keeps browsers from trying plain HTTP',
      });
    }
  },
});

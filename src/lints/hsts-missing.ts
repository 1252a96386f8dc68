import { defineLint } from './engine/lint.js';
import { tlsOf } from './engine/servers.js';
import { isWhole } from './engine/values.js';

export default defineLint({
  code: 'hsts-missing',
  severity: 'hint',
  on: 'ssl_certificate',
  story:
    'A server has TLS, and no `Strict-Transport-Security`. A browser that was not told goes on trying plain HTTP first, where somebody on the way can keep it. `add_header Strict-Transport-Security "max-age=31536000" always` tells it; begin with a short time, because it cannot be taken back before that.',
  check(c) {
    // It may stand in a file that was not found, and may come from the back end.
    if (!isWhole(c)) return;
    for (const server of c.scopes('server')) {
      if (tlsOf(server) !== 'all' || server.opener === null || server.own('ssl_reject_handshake').length > 0) continue;
      const blocks = [...server.all(), ...(server.parent === null ? [] : [server.parent])];
      const says = blocks.some((scope) =>
        ['add_header', 'more_set_headers'].some((name) =>
          scope.own(name).some(({ args }) => args.some(({ text }) => /^strict-transport-security\b/i.test(text))),
        ),
      );
      const passes = blocks.some((scope) =>
        ['proxy', 'fastcgi', 'uwsgi', 'scgi', 'grpc'].some((kind) => scope.own(`${kind}_pass`).length > 0),
      );
      const redirects = server.own('return').length > 0;
      // Of pages for programs no browser asks for a second time.
      const watches = blocks.some((scope) => ['stub_status', 'api'].some((name) => scope.own(name).length > 0));
      if (says || passes || redirects || watches) continue;
      c.report(server.opener.name, 'a server with TLS does not say Strict-Transport-Security', {
        help: 'add_header Strict-Transport-Security "max-age=31536000" always; keeps browsers from trying plain HTTP',
      });
    }
  },
});

import { defineLint } from './engine/lint.js';
import { listensOf } from './engine/servers.js';

export default defineLint({
  code: 'listen-without-ssl',
  severity: 'warning',
  on: 'listen',
  story:
    'A server has a certificate and listens on port 443 without the parameter `ssl`: it speaks plain HTTP there, and browsers that connect with `https://` get an error. Write `listen 443 ssl`; `ssl on`, which used to do the same for the whole server, was removed in nginx 1.25.1.',
  check(c) {
    for (const server of c.scopes('server')) {
      if (server.holder('ssl_certificate') === null) continue;
      const listens = listensOf(server);
      for (const { statement, port, tls } of listens) {
        const last = statement?.args.at(-1);
        if (last === undefined || port !== '443' || tls) continue;
        c.report(last, 'the server speaks plain HTTP on port 443', {
          help: 'add the parameter ssl: listen 443 ssl;',
          fix: {
            title: 'add ssl',
            guess: true,
            edits: [{ at: { source: last.source, start: last.end, end: last.end }, text: ' ssl' }],
          },
        });
      }
    }
  },
});

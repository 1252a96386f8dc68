import { defineLint } from './engine/lint.js';

export default defineLint({
  code: 'version-disclosure',
  severity: 'hint',
  on: 'server_tokens add_header proxy_pass_header fastcgi_pass_header uwsgi_pass_header',
  story:
    'Responses reveal the server software and its version, which makes servers with a known vulnerability easy to find. `server_tokens off` removes the version from the `Server` field and from error pages; `proxy_hide_header X-Powered-By` removes the corresponding field of the application.',
  check(c) {
    for (const {
      statement: { args },
    } of c.written('server_tokens')) {
      const [value] = args;
      if (value === undefined || !/^(?:on|build)$/.test(value.text)) continue;
      c.report(value, '"server_tokens" reveals the version of the server in responses', {
        help: 'write: server_tokens off;',
        fix: { title: 'write off', edits: [{ at: value, text: 'off' }], guess: true },
      });
    }
    for (const {
      statement: { args },
    } of c.written('add_header')) {
      const [field, value] = args;
      if (field?.text.toLowerCase() !== 'x-powered-by' || value === undefined || !/\d/.test(value.text)) continue;
      c.report(field, `"${field.text}" reveals the server software in responses`, {
        help: 'no client needs it; remove it',
      });
    }
    for (const directive of ['proxy_pass_header', 'fastcgi_pass_header', 'uwsgi_pass_header']) {
      for (const {
        statement: { args },
      } of c.written(directive)) {
        const [field] = args;
        if (field === undefined || !/^(?:server|x-powered-by|x-aspnet-version|x-runtime)$/i.test(field.text)) continue;
        c.report(field, `"${field.text}" reveals the back end software in responses`, {
          help: 'no client needs it; remove it',
        });
      }
    }
  },
});

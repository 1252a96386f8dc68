import { defineLint } from './engine/lint.js';

export default defineLint({
  code: 'version-disclosure',
  severity: 'hint',
  on: 'server_tokens add_header proxy_pass_header fastcgi_pass_header uwsgi_pass_header',
  story:
    'Answers say which software serves them in which version, so that who looks for a known hole finds it by a search. `server_tokens off` takes the version from the field `Server` and from error pages; `proxy_hide_header X-Powered-By` takes away what the application says of itself.',
  check(c) {
    for (const {
      statement: { args },
    } of c.written('server_tokens')) {
      const [value] = args;
      if (value === undefined || !/^(?:on|build)$/.test(value.text)) continue;
      c.report(value, '"server_tokens" has answers say the version of the server', {
        help: 'write: server_tokens off;',
        fix: { title: 'write off', edits: [{ at: value, text: 'off' }], guess: true },
      });
    }
    for (const {
      statement: { args },
    } of c.written('add_header')) {
      const [field, value] = args;
      if (field?.text.toLowerCase() !== 'x-powered-by' || value === undefined || !/\d/.test(value.text)) continue;
      c.report(field, `"${field.text}" has answers say what software they come from`, {
        help: 'no client needs it; leave it away',
      });
    }
    for (const directive of ['proxy_pass_header', 'fastcgi_pass_header', 'uwsgi_pass_header']) {
      for (const {
        statement: { args },
      } of c.written(directive)) {
        const [field] = args;
        if (field === undefined || !/^(?:server|x-powered-by|x-aspnet-version|x-runtime)$/i.test(field.text)) continue;
        c.report(field, `"${field.text}" has answers say what the back end is`, {
          help: 'no client needs it; leave it away',
        });
      }
    }
  },
});

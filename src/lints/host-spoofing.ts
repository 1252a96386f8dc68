import { defineLint } from './engine/lint.js';
import { variablesIn } from './engine/variables.js';

export default defineLint({
  code: 'host-spoofing',
  severity: 'hint',
  on: 'proxy_set_header grpc_set_header fastcgi_param uwsgi_param scgi_param',
  story:
    'The back end receives the `Host` field as sent by the client (`$http_host`), which may differ from the name by which the server was selected: a host in the request line takes precedence. Applications build links for mails and caches from it. `$host` is the name used for selection; use `$host:$server_port` if the port matters.',
  check(c) {
    for (const directive of ['proxy_set_header', 'grpc_set_header', 'fastcgi_param', 'uwsgi_param', 'scgi_param']) {
      for (const {
        statement: { args },
      } of c.written(directive)) {
        const [field, value] = args;
        if (field === undefined || value?.text.includes('$') !== true || !/^(?:http_)?host$/i.test(field.text))
          continue;
        const own = variablesIn(value.text).find((name) => name === 'http_host' || /^(?:arg|cookie)_/.test(name));
        if (own === undefined) continue;
        const chosen = own !== 'http_host';
        c.report(value, `the client controls the "${field.text}" that the back end receives`, {
          ...(chosen && { severity: 'warning' as const }),
          help: `"$${own}" is sent by the client and may differ from the name it requested; "$host" is the name by which the server was selected`,
        });
      }
    }
  },
});

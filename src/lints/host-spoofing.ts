import { defineLint } from './engine/lint.js';
import { variablesIn } from './engine/variables.js';

export default defineLint({
  code: 'host-spoofing',
  severity: 'hint',
  on: 'proxy_set_header grpc_set_header fastcgi_param uwsgi_param scgi_param',
  story:
    'The back end is told the field `Host` as the client has sent it (`$http_host`), which need not be the name by which the server was chosen: where the request line names a host, that one counts. Applications make links for mails and caches from it. `$host` is the name that counts; `$host:$server_port` where the port matters.',
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
        c.report(value, `the client chooses the "${field.text}" that the back end is told`, {
          ...(chosen && { severity: 'warning' as const }),
          help: `"$${own}" is what the client sends, whatever name it has asked for; "$host" is the name by which the server was chosen`,
        });
      }
    }
  },
});

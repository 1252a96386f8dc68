/** nginx's `ngx_http_ssl_module`: TLS for clients. */
import { defineModule } from '../../program/module.js';
import { SERVER_SSL } from '../../tls/server-ssl.js';
import { sslDirectives } from './directives.js';
import { compileServerSsl } from './server-ssl.js';
import { sslVariables } from './variables.js';

export default defineModule({
  name: 'ssl',
  doc: 'TLS for clients (`listen … ssl`).',
  directives: sslDirectives,
  variables: sslVariables,
  settings(conf, at) {
    const { block, program } = at;
    if (block.context !== 'server') return;
    program.settings.set(SERVER_SSL, compileServerSsl(conf, at));
  },
});

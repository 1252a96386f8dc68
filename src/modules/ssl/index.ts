/** nginx's `ngx_http_ssl_module`: TLS for clients. */
import { withContents } from '../../net/tls-files.js';
import { defineModule } from '../../program/module.js';
import { SERVER_SSL } from '../../tls/server-ssl.js';
import { compileServerSsl } from './compile-server-ssl.js';
import { sslDirectives } from './directives.js';
import { sslVariables } from './variables.js';

export default defineModule({
  name: 'ssl',
  doc: 'TLS for clients (`listen … ssl`).',
  directives: sslDirectives,
  variables: sslVariables,
  settings(conf, at) {
    const { block, program, server, compiler } = at;
    if (server !== null) program.settings.set(SERVER_SSL, server.base.settings.get(SERVER_SSL));
    else if (block.context === 'server') {
      program.settings.set(
        SERVER_SSL,
        withContents(compiler.files, () => compileServerSsl(conf, at)),
      );
    }
  },
});

/** nginx's `ngx_http_ssl_module`: TLS for clients. */
import type { Directives } from '../../config/directive.js';
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
  watches({ context, values }) {
    const interval = values.ssl_certificate_reload as number | undefined;
    if (context !== 'server' || interval === undefined || interval === 0) return null;
    const specs: Directives = sslDirectives;
    const paths = Object.entries(specs).flatMap(([name, { files, repeat }]) => {
      const value = values[name];
      if (files === undefined || value === undefined) return [];
      return repeat === true ? (value as readonly unknown[]).flatMap((each) => files(each)) : files(value);
    });
    return { paths, interval };
  },
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

/** `tunnel_key`: the name under which the API lists and closes tunnels. */
import { template } from '../config/argument-types.js';
import { defineModule } from '../program/module.js';
import { TUNNEL_KEY } from '../tunnel/tunnel-description.js';

export default defineModule({
  name: 'tunnel_key',
  doc: 'Names tunnels (WebSockets), so that those of a user or a device can be closed. This is an extension of tsproxy; nginx has no such directive.',
  directives: {
    tunnel_key: {
      contexts: ['http', 'server', 'location'],
      takes: template,
      doc: 'Text with variables by which the API finds the tunnels of a location: those with the same key are listed and closed together (`api`). The default is the address of the client.',
      example: 'tunnel_key $remote_user;',
    },
  },
  settings(conf, at) {
    const { tunnel_key: key } = conf;
    if (key !== undefined) at.program.settings.set(TUNNEL_KEY, at.compiler.template(key));
  },
});

/** nginx's `ngx_http_core_module`: servers, locations, and what nearly every request needs. */
import { defineModule } from '../../exchange/module.js';
import { blockDirectives, checkLocations, nameLocation } from './blocks.js';
import { listenDirectives } from './listen.js';
import { serverNameDirectives } from './server-name.js';
import { compileServers, resolveListens } from './servers.js';

export default defineModule({
  name: 'core',
  doc: 'Servers and locations, and what nearly every request needs.',
  directives: {
    ...blockDirectives,
    ...listenDirectives,
    ...serverNameDirectives,
  },
  check(block, c) {
    checkLocations(block, c);
  },
  http: (_conf, block, compiler) => resolveListens(block, compiler),
  routes: (_conf, block, compiler) => compileServers(block, compiler, () => {}),
  settings(_conf, at) {
    nameLocation(at);
  },
});

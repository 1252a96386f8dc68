/** nginx's `ngx_http_core_module`: servers, locations, and basic request processing. */
import { defineModule } from '../../program/module.js';
import { applyLocation, blockDirectives, checkLocations } from './blocks.js';
import { applyConnection, connectionDirectives } from './connection.js';
import { earlyBodyDirectives, earlyBodyHandler } from './early-body.js';
import { applyErrorLog, errorLogDirectives } from './error-log.js';
import { applyErrorPages, errorPageDirectives } from './error-page.js';
import { fieldVariables } from './field-variables.js';
import { applyGzip, gzipDirectives } from './gzip.js';
import { keepaliveDisableDirectives, keepaliveFilter } from './keepalive-disable.js';
import { listenDirectives } from './listen.js';
import { checkListens } from './listen-check.js';
import { noEffectDirectives } from './no-effect.js';
import { applyPaths, checkPaths, pathDirectives } from './paths.js';
import { applyBody, applyHead, bodyDirectives, headDirectives } from './request.js';
import { applyResolver, resolverDirectives } from './resolver.js';
import { applyResponse, responseDirectives } from './response.js';
import { serverNameDirectives } from './server-name.js';
import { compileServers, resolveListens } from './servers.js';
import { applySymlinks, symlinkDirectives } from './symlinks.js';
import { applyTypes, typeDirectives } from './types.js';
import { coreVariables } from './variables.js';

const core = defineModule({
  name: 'core',
  doc: 'Servers, locations, and basic request processing.',
  directives: {
    ...blockDirectives,
    ...listenDirectives,
    ...serverNameDirectives,
    ...pathDirectives,
    ...symlinkDirectives,
    ...typeDirectives,
    ...errorPageDirectives,
    ...headDirectives,
    ...bodyDirectives,
    ...earlyBodyDirectives,
    ...connectionDirectives,
    ...keepaliveDisableDirectives,
    ...responseDirectives,
    ...gzipDirectives,
    ...resolverDirectives,
    ...errorLogDirectives,
    ...noEffectDirectives,
  },
  variables: { ...coreVariables, ...fieldVariables },
  check(block, c) {
    checkLocations(block, c);
    checkPaths(block, c);
    if (block.context === 'server') checkListens(block, c);
  },
  http: (_conf, block, compiler) => resolveListens(block, compiler),
  routes: (_conf, http, compiler) =>
    compileServers(http, compiler, (server, block) => applyHead(compiler.conf(core, block), server)),
  settings(conf, at) {
    applyLocation(at);
    applyPaths(conf, at);
    applySymlinks(conf, at);
    applyTypes(conf, at);
    applyErrorPages(conf, at);
    applyBody(conf, at);
    applyConnection(conf, at);
    applyResponse(conf, at);
    applyGzip(conf, at);
    applyResolver(conf, at);
    applyErrorLog(conf, at);
  },
  // As in nginx, before realip changes the client's address.
  phases: { postRead: { order: 0, compile: (conf, at) => earlyBodyHandler(conf, at) } },
  headerFilter: { order: 0, compile: (conf) => keepaliveFilter(conf) },
});
export default core;

/** nginx's `ngx_http_upstream_sticky_module`: requests of a client are passed to the same server. */
import type { CheckedBlock } from '../../config/checked-config.js';
import type { CheckContext } from '../../config/module-declaration.js';
import { checkStoreNames } from '../../config/store-argument.js';
import { checkZone } from '../../config/zone-argument.js';
import type { ZoneDeclaration } from '../../config/zone-declaration.js';
import { type Compiler, defineModule } from '../../program/module.js';
import { openZone } from '../../program/zones.js';
import { configuredUpstreams } from '../../upstream/configured.js';
import type { Stickiness } from '../../upstream/stickiness.js';
import type { Upstream } from '../../upstream/upstream.js';
import type { Zone } from '../../zones/zone.js';
import { LearnedStickiness } from './learned.js';
import { type LearnData, type StickyData, stickyArgument } from './parameters.js';
import { CookieAttributes, RoutedStickiness } from './routed.js';

const module = defineModule({
  name: 'upstream_sticky',
  doc: 'Passes the requests of a client to the same server of a group, while it is available.',
  directives: {
    sticky: {
      contexts: ['upstream'],
      takes: stickyArgument,
      inherit: 'none',
      links: (value: StickyData) => (value.kind === 'learn' ? { name: `zone ${value.zone}` } : {}),
      doc: 'Binds clients to servers. With `cookie`, the response sets a cookie with the identifier of the server: its `route=`, or the MD5 of its address. The lifetime of the cookie is `expires=` (by default, until the browser is closed); `domain=`, `path=`, `httponly`, `secure` and `samesite=` are its attributes. With `route`, the identifier is the value of the first variable that has one. With `learn`, the sessions of the servers are observed: the first non-empty variable of `create=` identifies a session that a response starts (`$upstream_cookie_NAME`), and that of `lookup=` the session of a request (`$cookie_NAME`). Sessions are stored in the zone, which all worker processes share, until they have been unused for `timeout=` (10m). A megabyte stores about 4000 sessions; a full zone drops the least recently used one. A session is learned when the response is complete, or with `header` when its head is received; the session of a tunnel (such as a WebSocket) is learned when it begins, and again when it has ended. Requests of clients that are not bound, or whose server is not available, are passed to the server that the load balancing method selects. With `store`, sessions are kept in a `zone_store` that several machines share, and on the machine that learned them, for the time in which the store does not respond ([cluster.md](../cluster.md)). A server with the parameter `drain` gets only requests of clients that are bound to it. The directive must follow the load balancing method.',
      example: 'sticky cookie srv_id expires=1h domain=.example.com path=/;',
      differs:
        'With `learn`, the session of a tunnel is learned when it begins; in nginx, without `header`, only when it has ended. If the master process, which stores the sessions of several worker processes, does not respond, clients are treated as not bound.',
      differsFor: (words) => words[0] === 'learn',
      differsSlightly: true,
    },
  },
  check(block, c) {
    checkLearning(block, c);
  },
  http(_conf, http, compiler) {
    for (const { block, upstream } of configuredUpstreams(http, 'sticky', compiler)) {
      const { sticky } = compiler.conf(module, block);
      if (sticky !== undefined) upstream.setStickiness(create(sticky, upstream, compiler), block.own.indexOf('sticky'));
    }
  },
});
export default module;

function zoneOf({ zone, size, store }: LearnData, upstream: string): ZoneDeclaration {
  return { kind: 'sticky', name: zone, size, key: upstream, ...(store !== null && { store }) };
}

function checkLearning(block: CheckedBlock, c: CheckContext): void {
  const data = block.values.sticky as StickyData | undefined;
  const [statement] = c.statements('sticky');
  if (data?.kind !== 'learn' || statement === undefined) return;
  checkStoreNames('sticky', c);
  const at = statement.args.find(({ text }) => text.startsWith('zone=')) ?? statement;
  const other = checkZone(zoneOf(data, String(block.argument)), at, c);
  if (other === null) return;
  c.report(at, 'duplicate-definition', `sticky zone "${data.zone}" is already used in upstream "${other.key}"`, {
    help: 'each upstream needs a zone of its own',
  });
}

function create(data: StickyData, upstream: Upstream, compiler: Compiler): Stickiness {
  const variables = (names: readonly string[]) => names.map((name) => compiler.variable(name));
  if (data.kind === 'cookie') {
    const lookup = variables([`cookie_${data.name.toLowerCase()}`]);
    return new RoutedStickiness(lookup, new CookieAttributes(data, compiler));
  }
  if (data.kind === 'route') return new RoutedStickiness(variables(data.lookup), null);
  const declaration = zoneOf(data, upstream.name);
  const { name, size } = declaration;
  const previous = compiler.previous?.get<Zone>(`zone ${name}`)?.declaration;
  if (previous?.kind === 'sticky' && previous.size === size && previous.key !== upstream.name) {
    const use = `sticky zone "${name}" is used in upstream "${upstream.name}"`;
    return compiler.fail(`${use} while previously it was used in upstream "${previous.key}"`, null);
  }
  const zone = openZone(compiler, declaration, 'sticky zone');
  return new LearnedStickiness(
    data,
    variables(data.lookup),
    variables(data.create),
    zone,
    compiler.zones,
    compiler.errorLog,
  );
}

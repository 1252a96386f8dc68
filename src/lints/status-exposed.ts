import { isGuarded } from './engine/access.js';
import { defineLint } from './engine/lint.js';
import { titleOf } from './engine/scope.js';
import { listensOf } from './engine/servers.js';
import { isComplete } from './engine/values.js';

const PAGES = [
  'stub_status',
  'api',
  'metrics',
  'console',
  'upstream_conf',
  'vhost_traffic_status_display',
  'check_status',
  'rtmp_stat',
  'rtmp_control',
];

export default defineLint({
  code: 'status-exposed',
  severity: 'warning',
  on: 'stub_status api metrics console upstream_conf vhost_traffic_status_display check_status rtmp_stat rtmp_control',
  story:
    'A page that shows or changes the state of the server is accessible to everyone. It reveals the load, the configured names and back ends, and whether an attack has an effect. Restrict it to monitoring clients: `allow 127.0.0.1; deny all;`, or use a separate server that listens on 127.0.0.1.',
  check(c) {
    if (!isComplete(c)) return;
    for (const kind of ['server', 'location'] as const) {
      for (const scope of c.scopes(kind)) {
        const [page] = PAGES.flatMap((name) => scope.own(name));
        const server = scope.within('server');
        if (page === undefined || server === null || isGuarded(scope)) continue;
        const listens = listensOf(server);
        if (listens.every(({ loopback }) => loopback)) continue;
        // A condition denies access to some clients.
        const conditions = [scope, server].flatMap((block) => block.own('if'));
        if (conditions.some(({ args }) => args.some(({ text }) => /allow|deny|remote_addr|show/.test(text)))) continue;
        const own = listens.every(({ port, isPrivate }) => isPrivate || (port !== '80' && port !== '443'));
        const changes = page.args.some(({ text }) => text === 'write=on' || text === 'control=on');
        const showsTraffic = page.name.text === 'console';
        c.report(page.name, `"${titleOf(scope)}" exposes "${page.name.text}" to everyone`, {
          // A separate port, or an address of a private network, is usually not public.
          ...(own && !changes && !showsTraffic && { severity: 'hint' as const }),
          help: 'add: allow 127.0.0.1; deny all;',
        });
      }
    }
  },
});

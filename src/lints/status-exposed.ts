import { isGuarded } from './engine/access.js';
import { defineLint } from './engine/lint.js';
import { titleOf } from './engine/location.js';
import { listensOf } from './engine/servers.js';
import { isWhole } from './engine/values.js';

const PAGES = [
  'stub_status',
  'api',
  'upstream_conf',
  'vhost_traffic_status_display',
  'check_status',
  'rtmp_stat',
  'rtmp_control',
];

export default defineLint({
  code: 'status-exposed',
  severity: 'warning',
  on: 'stub_status api upstream_conf vhost_traffic_status_display check_status rtmp_stat rtmp_control',
  story:
    'A page with the state of the server, or one that changes it, answers everybody. It tells how busy it is, which names and back ends there are, and when an attack has effect. Allow it for those who watch: `allow 127.0.0.1; deny all;`, or have a server of its own listen on 127.0.0.1.',
  check(c) {
    if (!isWhole(c)) return;
    for (const kind of ['server', 'location'] as const) {
      for (const scope of c.scopes(kind)) {
        const [page] = PAGES.flatMap((name) => scope.own(name));
        const server = scope.within('server');
        if (page === undefined || server === null || isGuarded(scope)) continue;
        const listens = listensOf(server);
        if (listens.every(({ loopback }) => loopback)) continue;
        // Somebody is turned away by a condition.
        const conditions = [scope, server].flatMap((block) => block.own('if'));
        if (conditions.some(({ args }) => args.some(({ text }) => /allow|deny|remote_addr|show/.test(text)))) continue;
        const own = listens.every(({ port, inside }) => inside || (port !== '80' && port !== '443'));
        const changes = page.args.some(({ text }) => text === 'write=on');
        c.report(page.name, `"${titleOf(scope)}" shows everybody what "${page.name.text}" tells`, {
          // A port of its own, or one of a private network, is mostly not for the public.
          ...(own && !changes && { severity: 'hint' as const }),
          help: 'add: allow 127.0.0.1; deny all;',
        });
      }
    }
  },
});

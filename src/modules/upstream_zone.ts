/** nginx's `ngx_http_upstream_zone_module`: upstream state in shared memory. */
import { custom } from '../config/argument-types.js';
import type { CheckContext } from '../config/module-declaration.js';
import { checkZone, parseZoneSize } from '../config/zone-argument.js';
import { type Compiler, defineModule } from '../program/module.js';
import { openZone } from '../program/zones.js';
import { type ConfiguredUpstream, configuredUpstreams } from '../upstream/configured.js';
import { SharedPeers } from '../upstream/shared-peers.js';
import type { PeerNews } from '../zones/peer-states.js';

/** Name of a zone, and its size in bytes; 0 if another upstream specifies the size. */
interface ZoneData {
  readonly name: string;
  readonly size: number;
}

function zoneOf(values: Readonly<Record<string, unknown>>): ZoneData | undefined {
  return values.zone as ZoneData | undefined;
}

function checkSizes(c: CheckContext, { name }: ZoneData): void {
  const sized = c.all('upstream').some(({ values }) => {
    const zone = zoneOf(values);
    return zone?.name === name && zone.size > 0;
  });
  const at = c.statements('zone')[0]?.args[0];
  if (sized || at === undefined) return;
  c.report(at, 'invalid-reference', `zero size shared memory zone "${name}"`, {
    help: `one of the upstreams that share it must specify its size: zone ${name} 64k;`,
  });
}

export default defineModule({
  name: 'upstream_zone',
  doc: 'Defines a zone in which worker processes share the state of a group.',
  directives: {
    zone: {
      contexts: ['upstream'],
      again: 'overrides',
      takes: custom<ZoneData>('name [size]', 1, 2, ([name, written], c) => {
        if (name === undefined) throw new Error('zone was given no words');
        if (name.text === '') c.fail(name, 'invalid-value', 'invalid zone name ""');
        if (written === undefined) return { name: name.text, size: 0 };
        const subject = { size: written.text, name: name.text };
        return { name: name.text, size: parseZoneSize(written.text, written, subject, c) };
      }),
      inherit: 'none',
      doc: 'Zone in which worker processes share the state of the servers of the group: failures, active connections for `least_conn`, `random two` and `max_conns`, and response times for `least_time`. Several groups may share a zone; one of them must specify its size.',
      example: 'zone backend 64k;',
      differs:
        'Each worker runs its own round robin. The state of servers whose `server` directives are unchanged is kept on reload, with or without a zone. The size is not a limit.',
    },
  },
  check(block, c) {
    const zone = zoneOf(block.values);
    const at = c.statements('zone')[0]?.args[0];
    if (zone === undefined || at === undefined) return;
    checkZone({ kind: 'upstream', name: zone.name, size: zone.size, key: '' }, at, c);
    checkSizes(c, zone);
  },
  http(_conf, http, compiler) {
    // A single process needs no zone to share the state.
    if (!compiler.zones.shared) return;
    const byName = new Map<string, ConfiguredUpstream[]>();
    for (const configured of configuredUpstreams(http, 'zone', compiler)) {
      const name = zoneOf(configured.block.values)?.name;
      if (name !== undefined) byName.set(name, [...(byName.get(name) ?? []), configured]);
    }
    for (const [name, members] of byName) shareZone(name, members, compiler);
  },
});

function shareZone(name: string, members: readonly ConfiguredUpstream[], compiler: Compiler): void {
  const size = Math.max(...members.map(({ block }) => zoneOf(block.values)?.size ?? 0));
  const peers = compiler.shared.set(`shared peers of zone ${name}`, new SharedPeers(compiler.zones));
  const declaration = { kind: 'upstream', name, size, key: '' } as const;
  peers.join(openZone(compiler, declaration, 'upstream zone', (news) => peers.news(news as PeerNews[])));
  for (const { upstream } of members) peers.add(upstream);
}

/** Use of API keys in the overview. */
import type { UsageEntry } from '../../metrics/usage-entry.js';
import { card, table } from './card.js';
import { type Child, h } from './dom.js';
import { count, plural } from './numbers.js';

/** The card about API keys; null without `metrics_usage`. */
export function usageCard(all: readonly UsageEntry[]): Child {
  if (all.length === 0) return null;
  return card(
    'API keys',
    plural(all.length, 'client and rule', 'clients and rules'),
    table(
      'API keys',
      [
        { title: 'Client', class: 'wide' },
        { title: 'Plan' },
        { title: 'Rule', class: 'wide' },
        { title: 'Allowed', class: 'number' },
        { title: 'Limited', class: 'number' },
        { title: 'Forbidden', class: 'number' },
        { title: 'WebSockets', class: 'number' },
        { title: 'Messages', class: 'number' },
      ],
      all.map(({ keys, client, plan, rule, requests, upgrades, messages }): Child[] => [
        h('span', { title: keys }, client),
        plan,
        h('code', {}, rule),
        count(requests.allowed),
        count(requests.limited),
        count(requests.forbidden),
        count(upgrades),
        count(messages.client + messages.upstream),
      ]),
    ),
  );
}

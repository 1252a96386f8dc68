/** nginx's `ngx_http_access_module`: access control by client address. */

import type { Word } from '../../grammar/syntax-tree.js';
import { custom } from '../config/argument-types.js';
import type { CheckedBlock, CheckedConfig, CheckedStep } from '../config/checked-config.js';
import { type Cidr, contains, ipBytes, parseCidr, unmapped } from '../config/cidr.js';
import type { ArgumentContext, Context } from '../config/directive.js';
import { enclosingBlocks } from '../config/enclosing.js';
import { httpExchange } from '../exchange/exchange.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { defineModule, type Handler } from '../program/module.js';
import type { Client } from '../program/session.js';
import { NEXT, OK } from '../program/verdict.js';

const CONTEXTS = ['http', 'server', 'location', 'limit_except'] as const satisfies readonly Context[];

/** Clients that a rule matches: all, those of unix domain sockets, or a network. */
type Network = 'all' | 'unix' | Cidr;

function parseNetwork(words: readonly Word[], c: ArgumentContext): Network {
  const [word] = words as readonly [Word]; // one word: `min` and `max`
  if (word.text === 'all') return 'all';
  if (word.text === 'unix:') return 'unix';
  const parsed = parseCidr(word.text);
  if (parsed === null) {
    return c.fail(word, 'invalid-value', `invalid parameter "${word.text}"`, {
      help: 'it must be an address, a network such as 192.0.2.0/24 or 2001:db8::/32, "unix:" or "all"',
    });
  }
  if (parsed.meaningless) {
    c.report(word, 'no-effect', `low address bits of ${word.text} are meaningless`, { severity: 'warning' });
  }
  return parsed.cidr;
}

interface Rule {
  readonly network: Network;
  readonly deny: boolean;
}

/** The rules of the innermost block that defines any; `allow` and `deny` are inherited together. */
function rulesOf(block: CheckedBlock, config: CheckedConfig): readonly Rule[] {
  const enclosing = enclosingBlocks(config);
  for (let at: CheckedBlock | undefined = block; at !== undefined; at = enclosing.get(at)) {
    const steps = at.steps.filter(isRule);
    if (steps.length > 0) {
      return steps.map(({ directive, value }) => ({ network: value as Network, deny: directive === 'deny' }));
    }
  }
  return [];
}

function isRule({ directive }: CheckedStep): boolean {
  return directive === 'allow' || directive === 'deny';
}

const addresses = new WeakMap<Client, readonly number[]>();

/** Bytes of the client's address, parsed once per connection unless the request has an address of its own. */
function addressOf({ client, remoteAddress }: Exchange): readonly number[] {
  if (remoteAddress !== client.remoteAddress) return ipBytes(remoteAddress) ?? [];
  let address = addresses.get(client);
  if (address === undefined) addresses.set(client, (address = ipBytes(remoteAddress) ?? []));
  return address;
}

function compileRules(rules: readonly Rule[]): Handler | null {
  if (rules.length === 0) return null;
  // Like nginx: as soon as one rule is for IPv4, IPv4-mapped IPv6 addresses are compared as IPv4 addresses.
  const inet = rules.some(({ network }) => network === 'all' || (network !== 'unix' && network.bytes.length === 4));
  return (x) => {
    const unix = x.remoteAddress === 'unix:';
    const own = unix ? [] : addressOf(x);
    const address = inet ? unmapped(own) : own;
    for (let i = 0; i < rules.length; i++) {
      const { network, deny } = rules[i] as Rule;
      if (network === 'unix' ? !unix : network !== 'all' && !contains(network, address)) continue;
      if (!deny) return OK;
      if (httpExchange(x).location.settings.satisfy === 'all') logError(x, 'error', 'access forbidden by rule');
      return 403;
    }
    return NEXT;
  };
}

export default defineModule({
  name: 'access',
  doc: 'Allows or denies access by client address. Rules are checked in the order of the configuration until the first match.',
  directives: {
    allow: {
      contexts: CONTEXTS,
      takes: custom('address | CIDR | unix: | all', 1, 1, parseNetwork),
      repeat: true,
      // A step because the relative order of `allow` and `deny` matters.
      step: true,
      doc: 'Allows access from an address, a network, unix domain sockets (`unix:`), or everywhere (`all`). A block with `allow` or `deny` of its own inherits neither.',
      example: 'allow 192.168.1.0/24;',
    },
    deny: {
      contexts: CONTEXTS,
      takes: custom('address | CIDR | unix: | all', 1, 1, parseNetwork),
      repeat: true,
      step: true,
      doc: 'Denies access (403) from an address, a network, unix domain sockets (`unix:`), or everywhere (`all`).',
      example: 'deny all;',
    },
  },
  holds(block, config) {
    // Their relative order matters, so both directives have the complete list.
    const rules = rulesOf(block, config);
    return { allow: rules, deny: rules };
  },
  phases: {
    access: {
      order: 100,
      compile: (_conf, at) => compileRules(rulesOf(at.block, at.compiler.config)),
    },
  },
});

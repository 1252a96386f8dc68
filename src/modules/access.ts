/** `allow` and `deny`: access by the client's address. */
import type { Word } from '../../grammar/syntax-tree.js';
import { custom } from '../config/argument-types.js';
import type { CheckedBlock, CheckedConfig, CheckedStep } from '../config/checked-config.js';
import { type Cidr, contains, ipBytes, parseCidr, unmapped } from '../config/cidr.js';
import type { ArgumentContext, Context } from '../config/directive.js';
import { enclosingBlocks } from '../config/enclosing.js';
import type { ClientSide } from '../exchange/client-side.js';
import { logError } from '../exchange/error-context.js';
import type { Exchange } from '../exchange/exchange.js';
import { defineModule, type Handler } from '../exchange/module.js';
import { NEXT, OK } from '../exchange/verdict.js';

const CONTEXTS = ['http', 'server', 'location', 'limit_except'] as const satisfies readonly Context[];

/** Whom a rule is about: everybody, who comes by a unix domain socket, or a network. */
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

/** The rules of the innermost block that has any; `allow` and `deny` are inherited together. */
function rulesOf(block: CheckedBlock, config: CheckedConfig): readonly Rule[] {
  const around = enclosingBlocks(config);
  for (let at: CheckedBlock | undefined = block; at !== undefined; at = around.get(at)) {
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

const addresses = new WeakMap<ClientSide, readonly number[]>();

/** The bytes of the client's address, worked out once for each connection unless it is the request's own. */
function addressOf({ client, remoteAddress }: Exchange): readonly number[] {
  if (remoteAddress !== client.remoteAddress) return ipBytes(remoteAddress) ?? [];
  let address = addresses.get(client);
  if (address === undefined) addresses.set(client, (address = ipBytes(remoteAddress) ?? []));
  return address;
}

function compileRules(rules: readonly Rule[]): Handler | null {
  if (rules.length === 0) return null;
  // To IPv4 rules a client of an IPv6 socket shows its IPv4 address, where it has one and there are any.
  const inet = rules.some(({ network }) => network === 'all' || (network !== 'unix' && network.bytes.length === 4));
  return (x) => {
    const unix = x.remoteAddress === 'unix:';
    const own = unix ? [] : addressOf(x);
    const address = inet ? unmapped(own) : own;
    for (let i = 0; i < rules.length; i++) {
      const { network, deny } = rules[i] as Rule;
      if (network === 'unix' ? !unix : network !== 'all' && !contains(network, address)) continue;
      if (!deny) return OK;
      if (x.location.settings.satisfy === 'all') logError(x, 'error', 'access forbidden by rule');
      return 403;
    }
    return NEXT;
  };
}

export default defineModule({
  name: 'access',
  doc: "Allows and forbids by the client's address. The rules are looked at in the order written, and the first that fits decides.",
  directives: {
    allow: {
      contexts: CONTEXTS,
      takes: custom('address | CIDR | unix: | all', 1, 1, parseNetwork),
      repeat: true,
      // A step, because the order among `allow` and `deny` counts.
      step: true,
      doc: 'Allows access for an address, a network, all clients of unix domain sockets, or everybody. A block with `allow` or `deny` of its own inherits neither.',
      example: 'allow 192.168.1.0/24;',
    },
    deny: {
      contexts: CONTEXTS,
      takes: custom('address | CIDR | unix: | all', 1, 1, parseNetwork),
      repeat: true,
      step: true,
      doc: 'Forbids access (403) for an address, a network, all clients of unix domain sockets, or everybody.',
      example: 'deny all;',
    },
  },
  holds(block, config) {
    // Their order counts among each other, so both have all rules.
    const rules = rulesOf(block, config);
    return { allow: rules, deny: rules };
  },
  phases: {
    access: {
      order: 100,
      pure: true,
      compile: (_conf, at) => compileRules(rulesOf(at.block, at.compiler.config)),
    },
  },
});

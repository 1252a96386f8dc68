/** Contexts of OpenSSL of a routing table. */
import { createHash } from 'node:crypto';
import type tls from 'node:tls';
import { type ContextSpec, createContext } from '../net/tls-context.js';
import type { Compiler } from '../program/module.js';
import { type TicketKeys, useTicketKeys } from './ticket-keys.js';

/** Contexts of a table by their parameters: servers that inherit the same directives share one. */
export class Contexts {
  private readonly made = new Map<string, tls.SecureContext>();

  private readonly keyNumbers = new Map<TicketKeys, number>();

  /** `keys`: keys of tickets, for servers; null: random ones. */
  get(spec: ContextSpec, keys: TicketKeys | null = null): tls.SecureContext {
    const hash = createHash('sha256')
      .update(`${this.numberOf(keys)} ${JSON.stringify(spec)}`)
      .digest('base64');
    let context = this.made.get(hash);
    if (context === undefined) this.made.set(hash, (context = newContext(spec, keys)));
    return context;
  }

  private numberOf(keys: TicketKeys | null): number {
    if (keys === null) return -1;
    let number = this.keyNumbers.get(keys);
    if (number === undefined) this.keyNumbers.set(keys, (number = this.keyNumbers.size));
    return number;
  }
}

/** Creates a context whose tickets are encrypted with the given keys. */
export function newContext(spec: ContextSpec, keys: TicketKeys | null): tls.SecureContext {
  if (keys === null) return createContext(spec);
  const context = createContext({ ...spec, ticketKeys: keys.fixed });
  if (keys.fixed === null) useTicketKeys(context, keys);
  return context;
}

const KEY = 'TLS contexts';

/** The contexts of the table that is compiled. */
export function compiledContexts({ shared }: Compiler): Contexts {
  return shared.get<Contexts>(KEY) ?? shared.set(KEY, new Contexts());
}

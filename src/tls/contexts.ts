/** Contexts of OpenSSL of a routing table. */
import { createHash } from 'node:crypto';
import type tls from 'node:tls';
import { type ContextSpec, createContext } from '../net/tls-context.js';
import type { Compiler } from '../program/module.js';

/** Contexts of a table by their parameters: servers that inherit the same directives share one. */
export class Contexts {
  private readonly made = new Map<string, tls.SecureContext>();

  get(spec: ContextSpec): tls.SecureContext {
    const key = createHash('sha256').update(JSON.stringify(spec)).digest('base64');
    let context = this.made.get(key);
    if (context === undefined) this.made.set(key, (context = createContext(spec)));
    return context;
  }
}

const KEY = 'TLS contexts';

/** The contexts of the table that is compiled. */
export function compiledContexts({ shared }: Compiler): Contexts {
  return shared.get<Contexts>(KEY) ?? shared.set(KEY, new Contexts());
}

/** The accept step of `listen … proxy_protocol`: removes the header and stores its addresses. */
import { AcceptKey, type Incoming, MORE, type ReadStep } from './accept-step.js';
import { broken, type ProxyHeader, readProxyHeader } from './proxy-protocol.js';

/** Absent: the header has no addresses, or the listener expects none. */
export const PROXY_HEADER = new AcceptKey<ProxyHeader>('PROXY protocol');

export class ProxyProtocolStep implements ReadStep {
  readonly activity = 'reading PROXY protocol';

  /** `applies`: whether clients of a local address send the header; others that share the socket do not. */
  constructor(private readonly applies: (localAddress: string) => boolean) {}

  read(bytes: Buffer, incoming: Incoming): number {
    if (!this.applies(incoming.localAddress)) return 0;
    const result = readProxyHeader(bytes);
    if (result === null) return MORE;
    if (typeof result === 'string') return incoming.refuse('error', result);
    if (result.header !== null) incoming.accepted.set(PROXY_HEADER, result.header);
    return result.length;
  }

  /** The client has closed the connection within the header. */
  ended(bytes: Buffer, incoming: Incoming): void {
    incoming.refuse('error', broken(bytes));
  }
}

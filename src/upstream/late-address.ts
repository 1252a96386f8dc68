/** Retries the lookup of servers whose names had no address when the configuration was put in force. */
import type { Address } from '../config/address.js';
import type { Place } from '../config/place.js';
import type { Compiler } from '../program/module.js';
import { compiledAddresses, HostNotFound, peerAddresses } from './host-lookup.js';
import type { Upstream, UpstreamServer } from './upstream.js';

/** Interval between lookups, ms; doubled from the minimum to the maximum. */
const MIN_INTERVAL = 1000;
const MAX_INTERVAL = 30_000;

/** A server without an address. Referenced only by its upstream, so that it is collected with it. */
export class LateAddress {
  constructor(
    private readonly upstream: Upstream,
    private readonly server: UpstreamServer,
    private readonly address: Address,
  ) {}

  /** Starts the first lookup after that many ms. */
  start(delay = MIN_INTERVAL): void {
    LateAddress.schedule(new WeakRef(this), delay);
  }

  private async lookUp(interval: number): Promise<void> {
    try {
      this.server.setAddresses(await peerAddresses(this.address));
      this.upstream.update();
    } catch (error) {
      if (!(error instanceof HostNotFound)) throw error;
      LateAddress.schedule(new WeakRef(this), Math.min(Math.max(interval * 2, MIN_INTERVAL), MAX_INTERVAL));
    }
  }

  /** Schedules a lookup. The timer must not keep a replaced configuration alive. */
  private static schedule(owner: WeakRef<LateAddress>, interval: number): void {
    setTimeout(() => void owner.deref()?.lookUp(interval), interval).unref();
  }
}

/** A server of an upstream being compiled. */
export interface NamedServer {
  readonly upstream: Upstream;
  readonly server: UpstreamServer;
  readonly address: Address;
  /** The address as written in the configuration. */
  readonly written: string;
  readonly at: Place | null;
}

/**
 * Resolves a server's name. If it has no address, this is logged, the server gets no requests, and the lookup is
 * retried; nginx would not start.
 */
export async function giveAddresses(
  { upstream, server, address, written, at }: NamedServer,
  compiler: Compiler,
): Promise<void> {
  try {
    server.setAddresses(await compiledAddresses(address, compiler));
  } catch (error) {
    if (!(error instanceof HostNotFound)) throw error;
    const place = at === null ? '' : ` in ${at.file}:${at.line}`;
    compiler.errorLog.write('warn', `host not found in upstream "${written}"${place}, it is looked up again`);
    const late = new LateAddress(upstream, server, address);
    upstream.late.push(late);
    compiler.whenServing(async () => late.start());
  }
}

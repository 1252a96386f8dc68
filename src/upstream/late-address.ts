/** Servers whose names had no address when the configuration was put in force: they are looked up again until they have one. */
import type { Address } from '../config/address.js';
import type { Place } from '../config/checked-config.js';
import type { Compiler } from '../exchange/module.js';
import { compiledAddresses, HostNotFound, peerAddresses } from './host-lookup.js';
import type { Upstream, UpstreamServer } from './upstream.js';

/** ms; the time until a name is looked up again doubles, from the one to the other. */
const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30_000;

/** A server that waits for its address. The upstream holds it, and only the upstream: it ends with that. */
export class LateAddress {
  constructor(
    private readonly upstream: Upstream,
    private readonly server: UpstreamServer,
    private readonly address: Address,
  ) {}

  start(): void {
    LateAddress.schedule(new WeakRef(this), FIRST_WAIT);
  }

  private async lookUp(wait: number): Promise<void> {
    try {
      this.server.setAddresses(await peerAddresses(this.address));
      this.upstream.update();
    } catch (error) {
      if (!(error instanceof HostNotFound)) throw error;
      LateAddress.schedule(new WeakRef(this), Math.min(wait * 2, LONGEST_WAIT));
    }
  }

  /** The timer must not keep alive what a reload has replaced. */
  private static schedule(owner: WeakRef<LateAddress>, wait: number): void {
    setTimeout(() => void owner.deref()?.lookUp(wait), wait).unref();
  }
}

/** A server of an upstream that is being compiled. */
export interface NamedServer {
  readonly upstream: Upstream;
  readonly server: UpstreamServer;
  readonly address: Address;
  /** As the configuration has it. */
  readonly written: string;
  readonly at: Place | null;
}

/**
 * Gives a server the addresses of its name. One that has none is said in the error log, gets no requests, and is looked up
 * again and again; nginx does not start then.
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

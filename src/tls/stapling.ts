/**
 * OCSP responses for the certificates of servers (`ssl_stapling`), fetched in the background. As in nginx, a handshake
 * never waits: it sends the cached response, and starts a request if a refresh is due.
 */
import { X509Certificate } from 'node:crypto';
import { encodeRequest, type Issued, ResponseError } from './ocsp-message.js';
import { type OcspConnections, type Responder, requestStatus } from './ocsp-responder.js';
import { hasIssued, type OcspTrust, verifiedStatus } from './ocsp-verify.js';

/** Minimum time between two requests, ms: after a failure, and before the next refresh. */
const MIN_INTERVAL = 300_000;
/** A response is refreshed after this time at the latest, ms, and `MIN_INTERVAL` before it expires. */
const MAX_INTERVAL = 3_600_000;

/** A certificate of a server, with the responder for its status. */
export interface StapleSource extends Issued {
  /** Name of the certificate's file. */
  readonly name: string;
  readonly responder: Responder;
  readonly trust: OcspTrust;
}

/** The response for one certificate. Closed with the last table that has it. */
export class Staple {
  private response: Buffer | null = null;
  /** ms since 1970. */
  private valid = 0;
  private refresh = 0;
  private loading = false;
  private readonly closing = new AbortController();

  constructor(
    private readonly source: StapleSource,
    /** Connections of the newest table. */
    public connections: () => OcspConnections,
  ) {}

  /** The response, if it is valid; begins a request if one is due. */
  current(): Buffer | null {
    const now = Date.now();
    const response = now <= this.valid ? this.response : null;
    if (!this.loading && now > this.refresh && !this.closing.signal.aborted) void this.update();
    return response;
  }

  private async update(): Promise<void> {
    this.loading = true;
    const { source, closing } = this;
    const connections = this.connections();
    const { errorLog } = connections;
    let refresh = 0;
    try {
      const message = encodeRequest(source);
      const response = await requestStatus(source.responder, message, source.name, connections, closing.signal);
      const now = Date.now();
      if (response !== null) {
        const { status, valid } = verifiedStatus(response, source, source.trust, now);
        if (status !== 'good') throw new ResponseError(`certificate status "${status}" in the OCSP response`);
        this.response = Buffer.from(response);
        this.valid = valid;
        refresh = Math.min(valid - MIN_INTERVAL, now + MAX_INTERVAL);
      }
    } catch (error) {
      const { name, responder } = source;
      const text = error instanceof Error ? error.message : String(error);
      errorLog.write(
        error instanceof ResponseError ? 'error' : 'alert',
        `${text} while requesting certificate status, responder: ${responder.host}, certificate: "${name}"`,
      );
    }
    this.refresh = Math.max(refresh, Date.now() + MIN_INTERVAL);
    this.loading = false;
  }

  close(): void {
    this.closing.abort();
  }
}

/** The certificates of PEM blocks; those that Node's class does not read (TRUSTED CERTIFICATE) are omitted. */
export function certificatesOf(blocks: readonly string[]): X509Certificate[] {
  return blocks.flatMap((block) => (block.startsWith('-----BEGIN TRUSTED') ? [] : [new X509Certificate(block)]));
}

/** The certificate that has issued another one: of those sent with it, or a trusted one. */
export function issuerOf(
  certificate: X509Certificate,
  chain: readonly X509Certificate[],
  store: readonly X509Certificate[],
): X509Certificate | undefined {
  return [...chain, ...store].find((each) => hasIssued(each, certificate));
}

/**
 * Validation of client certificates with OCSP (`ssl_ocsp`): after the handshake and before the first request, as in
 * nginx. The result is used by `verify.ts`.
 */
import { X509Certificate } from 'node:crypto';
import { type Accepted, AcceptKey } from '../net/accept-step.js';
import type { PeerCertificate } from '../net/tls-engine.js';
import { TLS_CLIENT } from '../net/tls-step.js';
import { addValue, findValue } from '../zones/value-operations.js';
import type { Zone, ZoneBackend } from '../zones/zone.js';
import { fieldsOf } from './certificate-fields.js';
import { STATUS_REFUSAL } from './client.js';
import { type CertificateStatus, certificateId, encodeRequest, type Issued, ResponseError } from './ocsp-message.js';
import { type OcspConnections, parseResponder, type Responder, requestStatus } from './ocsp-responder.js';
import { hasIssued, verifiedStatus } from './ocsp-verify.js';

/** Lifetime of a stored status if the response has no `nextUpdate`, ms; nginx's. */
const DEFAULT_LIFETIME = 3_600_000;
/** Maximum number of simultaneous requests of one server to responders. */
const MAX_REQUESTS = 256;
/** Maximum number of certificates in a chain. */
const MAX_CHAIN = 20;
/** Requests end by their own time limit: clients may also wait for them after a reload has closed the table. */
const NEVER = new AbortController().signal;
const WHILE = 'while requesting certificate status';

/** OCSP validation of connections to servers with `ssl_ocsp`. */
export const CLIENT_OCSP = new AcceptKey<ClientOcsp>('ssl_ocsp');

/** Zone with the status of certificates (`ssl_ocsp_cache`). */
export interface StatusCache {
  readonly zones: ZoneBackend;
  readonly zone: Zone;
}

/** Settings of a server. */
export interface ClientOcspSettings {
  /** Whether only the client's own certificate is validated, not those of its authorities. */
  readonly leaf: boolean;
  /** `ssl_ocsp_responder`; null: the responders named in the certificates. */
  readonly responder: Responder | null;
  readonly store: readonly X509Certificate[];
  readonly cache: StatusCache | null;
  readonly connections: () => OcspConnections;
}

/** Result of a validation; `failed`: the status could not be determined, for a reason that was logged. */
type Outcome = CertificateStatus | 'failed';

const REFUSALS: Readonly<Record<Exclude<Outcome, 'good'>, string>> = {
  failed: 'certificate status request failed',
  revoked: 'certificate revoked',
  unknown: 'certificate status unknown',
};

/** OCSP validation of one server; closed with its table. */
export class ClientOcsp {
  /** Requests in progress, by responder and identifier of the certificate: clients with the same certificate share one. */
  private readonly requests = new Map<string, Promise<Outcome>>();
  private closed = false;
  private zoneClosed = false;

  constructor(private readonly settings: ClientOcspSettings) {}

  /** Validates the certificate of a connection, if it has a valid one; null: no validation is needed. */
  validate(accepted: Accepted): Promise<void> | null {
    const engine = accepted.get(TLS_CLIENT)?.transport.engine ?? null;
    const certificate = engine?.getPeerCertificate(true);
    if (engine === null || certificate?.raw === undefined || engine.verifyError() !== null) return null;
    return this.check(certificate).then((outcome) => {
      if (outcome !== 'good') accepted.set(STATUS_REFUSAL, REFUSALS[outcome]);
    });
  }

  private async check(certificate: PeerCertificate): Promise<Outcome> {
    const { leaf, store, connections } = this.settings;
    try {
      const chain = chainOf(certificate, store);
      if (chain === null) {
        connections().errorLog.write('error', `X509_verify_cert() failed ${WHILE}`);
        return 'failed';
      }
      const count = leaf ? Math.min(1, chain.length - 1) : chain.length - 1;
      for (let i = 0; i < count; i++) {
        const issued = { certificate: chain[i], issuer: chain[i + 1] } as Issued; // both exist: `count`
        const outcome = await this.statusOf(issued, chain);
        if (outcome !== 'good') return outcome;
      }
      return 'good';
    } catch (error) {
      // An unexpected error must not admit the client.
      connections().errorLog.write('alert', `${String(error)} ${WHILE}`);
      return 'failed';
    }
  }

  private async statusOf(issued: Issued, chain: readonly X509Certificate[]): Promise<Outcome> {
    const { cache } = this.settings;
    const responder = this.responderFor(issued);
    if (responder === null) return 'failed';
    const id = certificateId(issued).latin1Slice();
    const found = cache === null ? null : await cache.zones.ask(findValue, { zone: cache.zone.id, key: id });
    if (found === 'good' || found === 'revoked' || found === 'unknown') return found;
    const key = `${responder.host} ${responder.port} ${responder.uri} ${id}`;
    const { requests } = this;
    let request = requests.get(key);
    if (request === undefined) {
      if (requests.size >= MAX_REQUESTS) {
        this.settings.connections().errorLog.write('error', `too many requests ${WHILE}`);
        return 'failed';
      }
      request = this.request(responder, issued, chain, id).finally(() => {
        requests.delete(key);
        this.closeIdle();
      });
      requests.set(key, request);
    }
    return request;
  }

  private responderFor({ certificate }: Issued): Responder | null {
    const { responder, connections } = this.settings;
    if (responder !== null) return responder;
    const fail = (message: string): null => {
      connections().errorLog.write('error', message);
      return null;
    };
    const [url] = fieldsOf(certificate).responders;
    if (url === undefined) return fail('no OCSP responder URL in certificate');
    const parsed = parseResponder(url);
    if (!('mistake' in parsed)) return parsed;
    return fail(`${parsed.mistake} in OCSP responder "${parsed.shown}" in certificate`);
  }

  private async request(
    responder: Responder,
    issued: Issued,
    chain: readonly X509Certificate[],
    id: string,
  ): Promise<Outcome> {
    const { store, cache } = this.settings;
    const connections = this.settings.connections();
    const response = await requestStatus(responder, encodeRequest(issued), '', connections, NEVER);
    if (response === null) return 'failed';
    const now = Date.now();
    try {
      const { status, valid } = verifiedStatus(response, issued, { chain, store, level: 'full' }, now);
      const value = status;
      const lifetime = valid === Number.POSITIVE_INFINITY ? DEFAULT_LIFETIME : valid - now;
      if (lifetime > 0) cache?.zones.tell(addValue, { zone: cache.zone.id, key: id, value, lifetime });
      return status;
    } catch (error) {
      if (!(error instanceof ResponseError)) throw error;
      connections.errorLog.write('error', `${error.message} ${WHILE}, responder: ${responder.host}`);
      return 'failed';
    }
  }

  close(): void {
    this.closed = true;
    this.closeIdle();
  }

  /** Closes the zone after the last request, whose status is stored in it. */
  private closeIdle(): void {
    // Another certificate of a chain may follow the last request.
    if (!this.closed || this.requests.size > 0 || this.zoneClosed) return;
    this.zoneClosed = true;
    this.settings.cache?.zone.close();
  }
}

/**
 * The certificates from that of the client up to a trusted one, which are known to be valid; null if the chain is not
 * complete: a session that is resumed has only the first certificate.
 */
function chainOf(certificate: PeerCertificate, store: readonly X509Certificate[]): readonly X509Certificate[] | null {
  const chain: X509Certificate[] = [];
  for (let each: PeerCertificate | undefined = certificate; each?.raw !== undefined; ) {
    chain.push(new X509Certificate(each.raw));
    if (each.issuerCertificate === each || chain.length > MAX_CHAIN) break;
    each = each.issuerCertificate;
  }
  for (;;) {
    const last = chain.at(-1);
    if (last === undefined || chain.length > MAX_CHAIN) return null;
    const issuer = hasIssued(last, last) ? undefined : store.find((trusted) => hasIssued(trusted, last));
    if (issuer === undefined) return store.some(({ raw }) => raw.equals(last.raw)) ? chain : null;
    chain.push(issuer);
  }
}

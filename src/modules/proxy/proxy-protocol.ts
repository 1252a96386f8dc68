/** `proxy_protocol` and the header that connections to upstreams begin with. */
import { X509Certificate } from 'node:crypto';
import { SSL_TLV, TLV } from '../../net/proxy-protocol.js';
import type { TlvValue } from '../../net/proxy-protocol-writer.js';
import { encodeTlv, writeV1, writeV2 } from '../../net/proxy-protocol-writer.js';
import type { EngineHandle } from '../../net/tls-engine.js';
import type { Session } from '../../program/session.js';
import { engineOf, helloOf } from '../../tls/client.js';
import { verifyErrorOf } from '../../tls/verify-errors.js';

/** Flags of a client in the field `ssl`. */
const CLIENT_SSL = 1;
const CERTIFICATE_IN_CONNECTION = 2;
const CERTIFICATE_IN_SESSION = 4;
/** Result of verification for a client without a certificate, as in nginx: X509_V_ERR_UNSPECIFIED. */
const UNSPECIFIED = 1;

/** Returns the header for a client, as a byte string. */
export function proxyHeader(x: Session, version: 'on' | 'v2'): string {
  const { client } = x;
  const addresses = {
    address: x.remoteAddress,
    port: x.remotePort,
    serverAddress: client.localAddress,
    serverPort: client.localPort,
  };
  return version === 'on' ? writeV1(addresses) : writeV2(addresses, tlsFields(x)).latin1Slice();
}

/** Fields about the TLS connection of a client, in nginx's order. nginx: ngx_proxy_protocol_v2_eval_ssl. */
function tlsFields(x: Session): TlvValue[] {
  const engine = engineOf(x);
  if (engine === null) return [];
  const fields: TlvValue[] = [];
  const name = helloOf(x)?.serverName ?? '';
  const alpn = engine.getALPNNegotiatedProtocol();
  if (name !== '') fields.push({ type: TLV.authority, value: Buffer.from(name, 'latin1') });
  if (typeof alpn === 'string' && alpn !== '') fields.push({ type: TLV.alpn, value: Buffer.from(alpn, 'latin1') });
  return [...fields, { type: TLV.ssl, value: sslField(engine) }];
}

function sslField(engine: EngineHandle): Buffer {
  const peer = engine.getPeerCertificate(false);
  const certificate = peer?.raw === undefined ? null : new X509Certificate(peer.raw);
  const start = Buffer.from([CLIENT_SSL, 0, 0, 0, 0]);
  let verify = UNSPECIFIED;
  if (certificate !== null) {
    start[0] = CLIENT_SSL | CERTIFICATE_IN_SESSION | (engine.isSessionReused() ? 0 : CERTIFICATE_IN_CONNECTION);
    const error = engine.verifyError();
    verify = error === null ? 0 : verifyErrorOf(error).number;
  }
  start.writeUInt32BE(verify, 1);
  const parts: Buffer[] = [start];
  const add = (type: number, text: string | null | undefined): void => {
    if (text) parts.push(encodeTlv({ type, value: Buffer.from(text, 'utf8') }));
  };
  add(SSL_TLV.version, engine.getProtocol());
  add(SSL_TLV.cn, certificate === null ? null : commonName(certificate));
  add(SSL_TLV.cipher, engine.getCipher()?.name);
  return Buffer.concat(parts);
}

function commonName({ subject }: X509Certificate): string | undefined {
  return /^CN=(.*)$/m.exec(subject)?.[1];
}

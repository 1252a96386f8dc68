/** Variables of `http_ssl`. */

import { X509Certificate } from 'node:crypto';
import { toBytes } from '../../diagnostics/byte-string.js';
import type { ClientHello } from '../../net/client-hello.js';
import type { Exchange } from '../../program/exchange.js';
import type { VariableSpec } from '../../program/variable-spec.js';
import { clientCertificate, engineOf, helloOf } from '../../tls/client.js';
import { SERVER_SSL } from '../../tls/server-ssl.js';
import { clientVerify } from '../../tls/verify.js';
import { selectedGroup } from './curve.js';
import { cipherName, groupName, signatureAlgorithm } from './names.js';
import { sessionIdOf } from './session-id.js';

const DAY = 86_400_000;
const CURVE_DIFFERS =
  'Computed from the groups that the client offers and those of the server, as OpenSSL chooses: Node.js does not report the group. After a resumption without a key exchange of its own it may differ.';

type Of<T> = (source: T, x: Exchange) => string | undefined;

/** A value of the connection; absent without TLS. */
function engine(of: Of<NonNullable<ReturnType<typeof engineOf>>>, doc: string, differs?: string): VariableSpec {
  return {
    doc,
    ...(differs !== undefined && { differs }),
    changeable: true,
    get: (x) => {
      const found = engineOf(x);
      return found === null ? undefined : of(found, x) || undefined;
    },
  };
}

/** A value of the client's certificate; absent if it sent none. */
function certificate(of: (certificate: X509Certificate) => string, doc: string): VariableSpec {
  return {
    doc,
    changeable: true,
    get: (x) => {
      const found = clientCertificate(x);
      return found === null ? undefined : of(new X509Certificate(found.raw)) || undefined;
    },
  };
}

/** A list of the client's offer. */
function offer(of: (hello: ClientHello) => readonly string[], doc: string): VariableSpec {
  return {
    doc,
    changeable: true,
    get: (x) => {
      const hello = engineOf(x) === null ? undefined : helloOf(x);
      return hello === undefined ? undefined : of(hello).join(':') || undefined;
    },
  };
}

/** Ends with a line break. */
function pem(found: X509Certificate): string {
  return `${found.toString().trimEnd()}\n`;
}

/** Name in the notation of RFC 2253; `written` has one attribute per line. */
function rfc2253(written: string): string {
  return toBytes(
    written
      .split('\n')
      .reverse()
      .map((each) => each.replaceAll(' + ', '+'))
      .join(','),
  );
}

/** Name in the notation of X509_NAME_oneline. */
function oneline(written: string): string {
  return toBytes(written)
    .split('\n')
    .map((each) => `/${each}`)
    .join('')
    .replace(/[^ -~]/g, (c) => `\\x${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}

export const sslVariables = {
  ssl_protocol: engine((of) => of.getProtocol() ?? undefined, 'Protocol of the connection: `TLSv1.3`.'),
  ssl_cipher: engine((of) => of.getCipher()?.name, 'Cipher of the connection.'),
  ssl_session_reused: engine(
    (of) => (of.isSessionReused() ? 'r' : '.'),
    '`r` if the session was resumed, otherwise `.`.',
  ),
  ssl_session_id: engine((of) => sessionIdOf(of), 'Identifier of the session, in hexadecimal.'),
  ssl_alpn_protocol: engine((of) => of.getALPNNegotiatedProtocol() || undefined, 'Protocol selected by ALPN.'),
  ssl_curve: engine(
    (of, x) => {
      const hello = helloOf(x);
      const ssl = x.location.settings.get(SERVER_SSL);
      if (hello === undefined || !/^TLS_|^(EC)?DHE/.test(of.getCipher()?.name ?? '')) return undefined;
      const group = selectedGroup(hello, ssl?.curves ?? 'auto', ssl?.preferServerCiphers === true, of.getProtocol());
      return group === undefined ? undefined : groupName(group);
    },
    'Group of the key exchange.',
    CURVE_DIFFERS,
  ),
  ssl_ciphers: offer(({ ciphers }) => ciphers.map(cipherName), 'Cipher suites that the client has offered.'),
  ssl_curves: offer(({ groups }) => groups.map(groupName), 'Groups that the client has offered for the key exchange.'),
  ssl_sigalgs: offer(
    ({ signatureAlgorithms }) => signatureAlgorithms.map(signatureAlgorithm),
    'Numbers of the signature algorithms that the client has offered.',
  ),
  ssl_sigalg: {
    get: () => undefined,
    changeable: true,
    doc: 'In nginx, signature algorithm of the server. Always empty: Node.js does not report it.',
    differs: "Always empty: Node.js does not report the server's signature algorithm.",
  },
  ssl_client_sigalg: {
    get: () => undefined,
    changeable: true,
    doc: 'In nginx, signature algorithm of the client. Always empty: Node.js does not report it.',
    differs: "Always empty: Node.js does not report the client's signature algorithm.",
  },
  ssl_ech_status: {
    get: () => undefined,
    changeable: true,
    doc: 'In nginx, state of the encrypted ClientHello. Always empty: it is not supported.',
    differs: 'Always empty: encrypted ClientHellos are not supported.',
  },
  ssl_ech_outer_server_name: {
    get: () => undefined,
    changeable: true,
    doc: 'In nginx, public name of the encrypted ClientHello. Always empty: it is not supported.',
    differs: 'Always empty: encrypted ClientHellos are not supported.',
  },
  ssl_server_name: {
    get: (x) => helloOf(x)?.serverName || undefined,
    changeable: true,
    doc: 'Server name that the client has requested (SNI).',
  },
  ssl_early_data: {
    get: () => undefined,
    changeable: true,
    doc: 'In nginx, `1` if early data is used and the handshake is not complete. Always empty: early data is not supported.',
    differs: 'Always empty: early data is not supported.',
  },
  ssl_client_verify: {
    get: clientVerify,
    changeable: true,
    doc: '`SUCCESS`, `FAILED:reason`, or `NONE` if the client sent no certificate.',
  },
  ssl_client_raw_cert: certificate(pem, "The client's certificate in PEM."),
  ssl_client_cert: certificate(
    (found) => pem(found).trimEnd().replaceAll('\n', '\n\t'),
    "The client's certificate in PEM; each line but the first is preceded by a tab, as required in a header field.",
  ),
  ssl_client_escaped_cert: certificate(
    (found) =>
      encodeURIComponent(pem(found)).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`),
    "The client's certificate in PEM, URL-encoded.",
  ),
  ssl_client_s_dn: certificate(({ subject }) => rfc2253(subject), "Subject of the client's certificate (RFC 2253)."),
  ssl_client_i_dn: certificate(({ issuer }) => rfc2253(issuer), "Issuer of the client's certificate (RFC 2253)."),
  ssl_client_s_dn_legacy: certificate(
    ({ subject }) => oneline(subject),
    "Subject of the client's certificate, in an older notation.",
  ),
  ssl_client_i_dn_legacy: certificate(
    ({ issuer }) => oneline(issuer),
    "Issuer of the client's certificate, in an older notation.",
  ),
  ssl_client_serial: certificate(({ serialNumber }) => serialNumber, "Serial number of the client's certificate."),
  ssl_client_fingerprint: certificate(
    ({ fingerprint }) => fingerprint.replaceAll(':', '').toLowerCase(),
    "SHA1 fingerprint of the client's certificate.",
  ),
  ssl_client_v_start: certificate(({ validFrom }) => validFrom, "Start of the validity of the client's certificate."),
  ssl_client_v_end: certificate(({ validTo }) => validTo, "End of the validity of the client's certificate."),
  ssl_client_v_remain: certificate(
    ({ validTo }) => `${Math.max(0, Math.floor((Date.parse(validTo) - Date.now()) / DAY))}`,
    "Days until the client's certificate expires.",
  ),
} as const satisfies Readonly<Record<string, VariableSpec>>;

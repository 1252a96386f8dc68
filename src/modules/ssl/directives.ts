/** Directives of `http_ssl`. */
import {
  bitmask,
  choice,
  either,
  flag,
  integer,
  mapped,
  named,
  path,
  seconds,
  size,
  text,
  word,
} from '../../config/argument-types.js';
import type { Context, Directives } from '../../config/directive.js';
import { parseMilliseconds } from '../../config/units.js';
import {
  certificateCache,
  certificateFile,
  confCommand,
  keyFile,
  namedFiles,
  OLD_PROTOCOLS,
  ocspCache,
  plainFile,
  plainFiles,
  sessionCache,
} from '../../tls/arguments.js';

/** ms between two checks of files; `on`. */
const RELOAD_INTERVAL = 10_000;

/** ms between two checks; 0: `off`. */
const reloadInterval = word('off | on | time', (w, c): number => {
  if (w.text === 'off') return 0;
  if (w.text === 'on') return RELOAD_INTERVAL;
  const interval = parseMilliseconds(w.text) ?? 0;
  return interval > 0 ? interval : c.fail(w, 'invalid-value', `"${c.directive}" directive invalid value`);
});

const CONTEXTS = ['http', 'server'] as const satisfies readonly Context[];

/** Names of the protocols that OpenSSL no longer has are accepted. */
const protocols = mapped(
  bitmask('SSLv2', 'SSLv3', 'TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'),
  (names): readonly string[] => names,
);

export const sslDirectives = {
  ssl_certificate: {
    contexts: CONTEXTS,
    takes: certificateFile,
    files: namedFiles,
    repeat: true,
    doc: 'Certificate of the server in PEM, followed by intermediate certificates. The directive may be repeated for certificates of different kinds (RSA and ECDSA). A name with variables is evaluated in each handshake; `data:` is followed by the certificate itself. Certificates are loaded when the configuration is loaded and kept with it: a renewed one is used after a reload.',
    example: 'ssl_certificate_key example.key; ssl_certificate example.crt;',
    differs:
      'In names with variables, only variables that do not depend on a request have values, such as `$ssl_server_name` and maps of it.',
    differsFor: ([name = '']) => name.includes('$') && !/^[^$]*\$\{?ssl_(server_name|alpn_protocol)\b/.test(name),
  },
  ssl_certificate_reload: {
    contexts: CONTEXTS,
    takes: reloadInterval,
    default: 'off',
    doc: 'Whether the files of the server (certificates, keys, authorities, revocation lists, passwords, ticket keys, OCSP responses) are read again when they change, without a reload of the configuration. They are checked every 10 seconds (`on`) or at the given interval, and used when they have not changed since the previous check. Files that cannot be used are logged, and the previous ones stay in use until the next change. Open connections are not affected. Files whose names have variables are read by `ssl_certificate_cache`. This is an extension of tsproxy; nginx has no such directive.',
    example: 'ssl_certificate_reload on;',
  },
  ssl_certificate_key: {
    contexts: CONTEXTS,
    takes: keyFile,
    files: namedFiles,
    repeat: true,
    doc: 'Private key of the certificate in the same position, in PEM; may be encrypted (`ssl_password_file`). `data:` is followed by the key itself. Only the master process and the user that starts it need access to the file, unless its name has variables.',
    example: 'ssl_certificate_key example.key;',
    differs: 'Keys of OpenSSL engines and stores (`engine:`, `store:`) are rejected: Node.js has no interface to them.',
    differsFor: ([name = '']) => /^(engine|store):/.test(name),
  },
  ssl_password_file: {
    contexts: CONTEXTS,
    takes: plainFile,
    files: plainFiles,
    doc: 'File with passwords of private keys, one per line; they are tried in turn.',
    example: 'ssl_password_file passwords;',
  },
  ssl_protocols: {
    contexts: CONTEXTS,
    takes: protocols,
    default: 'TLSv1.2 TLSv1.3',
    doc: 'Enabled protocols.',
    example: 'ssl_protocols TLSv1.2 TLSv1.3;',
    noEffectParameters: OLD_PROTOCOLS,
    differs:
      'Each server has its own protocols; in nginx those of the default server apply to all servers of an address.',
    differsFor: (words) => words.some((word) => /^sslv/i.test(word)),
  },
  ssl_ciphers: {
    contexts: CONTEXTS,
    takes: named('ciphers', text),
    default: 'HIGH:!aNULL:!MD5',
    doc: 'Enabled ciphers of TLS 1.2 and older, as a list of OpenSSL. Suites of TLS 1.3 are set by `ssl_conf_command Ciphersuites`.',
    example: 'ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;',
  },
  ssl_prefer_server_ciphers: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    doc: 'Whether the order of `ssl_ciphers` takes precedence over the order of the client.',
    example: 'ssl_prefer_server_ciphers on;',
  },
  ssl_ecdh_curve: {
    contexts: CONTEXTS,
    takes: named('groups', text),
    default: 'auto',
    doc: 'Groups for the key exchange, separated by colons; `auto` are those of OpenSSL.',
    example: 'ssl_ecdh_curve X25519:prime256v1;',
  },
  ssl_dhparam: {
    contexts: CONTEXTS,
    takes: plainFile,
    files: plainFiles,
    doc: 'File with the parameters of DHE ciphers (PEM). Without it these ciphers are not used.',
    example: 'ssl_dhparam dhparam.pem;',
  },
  ssl_buffer_size: {
    contexts: CONTEXTS,
    takes: size,
    default: '16k',
    doc: 'Maximum size of a record, 512 bytes to 16k; smaller ones reach the client sooner.',
    example: 'ssl_buffer_size 4k;',
  },
  ssl_session_cache: {
    contexts: CONTEXTS,
    takes: sessionCache,
    default: 'none',
    doc: 'Cache of sessions for clients without tickets, or if `ssl_session_tickets` is off: `builtin` in each worker process, `shared` for all worker processes and all servers that name it, by the master process; a megabyte holds some 4,000 sessions. With a shared cache the key of tickets changes after each `ssl_session_timeout`. The settings of the default server of an address apply to all of its servers.',
    example: 'ssl_session_cache shared:SSL:10m;',
    differs:
      'Sessions of TLS 1.3 are resumed with tickets even if `ssl_session_tickets` is off, encrypted with a key that is kept in memory only. `off` and `none` are equivalent.',
  },
  ssl_session_tickets: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'on',
    doc: 'Whether sessions are resumed with tickets (RFC 5077).',
    example: 'ssl_session_tickets off;',
  },
  ssl_session_ticket_key: {
    contexts: CONTEXTS,
    takes: plainFile,
    files: plainFiles,
    repeat: true,
    doc: 'File with a key that encrypts tickets, 48 or 80 random bytes, so that several machines can accept the same tickets. If the directive is repeated, the first key encrypts, and all decrypt.',
    example: 'ssl_session_ticket_key ticket.key;',
    differs: 'A key of 80 bytes encrypts tickets with AES-128; only tsproxy accepts them.',
    differsFor: () => false,
  },
  ssl_session_timeout: {
    contexts: CONTEXTS,
    takes: seconds,
    default: '5m',
    doc: 'Time for which a session can be resumed.',
    example: 'ssl_session_timeout 1h;',
  },
  ssl_verify_client: {
    contexts: CONTEXTS,
    takes: choice('off', 'on', 'optional', 'optional_no_ca'),
    default: 'off',
    doc: 'Whether clients are asked for a certificate. `on` requires one (496), and verifies it (495); `optional` verifies it if there is one; `optional_no_ca` does not require it to be signed by a trusted authority. The result is in `$ssl_client_verify`.',
    example: 'ssl_client_certificate ca.crt; ssl_verify_client optional;',
  },
  ssl_verify_depth: {
    contexts: CONTEXTS,
    takes: integer(),
    default: '1',
    doc: 'Maximum number of intermediate certificates between the certificate of a client and a trusted authority.',
    example: 'ssl_verify_depth 2;',
  },
  ssl_client_certificate: {
    contexts: CONTEXTS,
    takes: plainFile,
    files: plainFiles,
    doc: 'File with certificates of authorities (PEM) that verify the certificates of clients; their names are sent to clients.',
    example: 'ssl_client_certificate ca.crt;',
  },
  ssl_trusted_certificate: {
    contexts: CONTEXTS,
    takes: plainFile,
    files: plainFiles,
    doc: 'File with certificates of authorities (PEM) that verify the certificates of clients.',
    example: 'ssl_trusted_certificate ca.crt;',
    differs:
      'The names of these authorities are sent to clients as well: the option `ca` of Node.js is the only way to trust a certificate, and it does both.',
  },
  ssl_crl: {
    contexts: CONTEXTS,
    takes: plainFile,
    files: plainFiles,
    doc: 'File with revocation lists (PEM) for the certificates of clients, one for each authority of a chain.',
    example: 'ssl_crl revoked.crl;',
  },
  ssl_reject_handshake: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    doc: 'Whether handshakes with this server are rejected: in the default server, for clients that send no name or an unknown one. No certificate is needed.',
    example: 'ssl_reject_handshake on;',
  },
  ssl_conf_command: {
    contexts: CONTEXTS,
    takes: confCommand,
    repeat: true,
    doc: 'Sets options of OpenSSL: `Ciphersuites`, `CipherString`, `Groups`, `SignatureAlgorithms`, `MinProtocol`, `MaxProtocol`, `Protocol`, `Options`, `Certificate` and `PrivateKey`, as described in SSL_CONF_cmd(3).',
    example: 'ssl_conf_command Ciphersuites TLS_CHACHA20_POLY1305_SHA256;',
    differs: 'Other commands are rejected: Node.js has no interface to them.',
    differsFor: ([name = '']) =>
      !/^(ciphersuites|cipherstring|groups|curves|signaturealgorithms|m(in|ax)protocol|protocol|options|certificate|privatekey)$/i.test(
        name,
      ),
  },
  ssl_key_log: {
    contexts: CONTEXTS,
    takes: either('off', path('prefix')),
    doc: 'File to which the secrets of connections are written (NSS key log format), so that captured traffic can be decrypted. Whoever can read it can read all traffic: never use it permanently. nginx Plus has this directive.',
    example: 'ssl_key_log keys.log;',
  },
  ssl_early_data: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    doc: 'In nginx, whether clients may send a request with the ClientHello (0-RTT).',
    example: 'ssl_early_data on;',
    noEffect: 'Node.js does not support early data: clients send their request after the handshake.',
  },
  ssl_certificate_cache: {
    contexts: CONTEXTS,
    takes: certificateCache,
    default: 'off',
    doc: 'Cache of certificates and keys whose names have variables: at most `max` files, which are checked for changes after `valid` (1 minute), and dropped if they are not used for `inactive` (10 seconds).',
    example: 'ssl_certificate_cache max=1000 inactive=20s valid=1m;',
  },
  ssl_certificate_compression: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    doc: 'In nginx, whether certificates are compressed (RFC 8879).',
    example: 'ssl_certificate_compression on;',
    noEffect: 'Node.js does not support compressed certificates.',
  },
  ssl_ech_file: {
    contexts: CONTEXTS,
    takes: plainFile,
    files: plainFiles,
    repeat: true,
    doc: 'In nginx, keys for encrypted ClientHellos (ECH).',
    example: 'ssl_ech_file ech.pem;',
    noEffect: 'The OpenSSL of Node.js does not support encrypted ClientHellos.',
  },
  ssl_stapling: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    doc: 'Whether an OCSP response is sent with the certificate, to clients that ask for it. It is fetched from the responder named in the certificate, in the background: the first client gets none. The certificate of the issuer must follow in the same file, or be in `ssl_trusted_certificate`. The address of the responder is resolved with `resolver`. A response is fetched again an hour later, or five minutes before it expires; after a failure, which is logged, five minutes later.',
    example: 'ssl_stapling on; resolver 127.0.0.53;',
    differs:
      'If a server has certificates of several kinds, clients of TLS 1.2 with which `ssl_prefer_server_ciphers` selects the certificate get no response: Node.js does not report which one is used. Without `resolver`, the host of a responder is resolved when a response is requested, not when the configuration is loaded.',
    differsFor: () => false,
  },
  ssl_stapling_file: {
    contexts: CONTEXTS,
    takes: plainFile,
    files: plainFiles,
    doc: 'File with the OCSP response to send, in DER, as written by `openssl ocsp -respout`; then none is fetched.',
    example: 'ssl_stapling_file ocsp.der;',
  },
  ssl_stapling_responder: {
    contexts: CONTEXTS,
    takes: named('url', text),
    doc: 'URL of the OCSP responder (`http://`), instead of that in the certificate.',
    example: 'ssl_stapling_responder http://ocsp.example.com/;',
  },
  ssl_stapling_verify: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    doc: 'Whether the signer of OCSP responses must be trusted: the issuer of the certificate, or one to which it has delegated the signing, with a chain up to a root in `ssl_trusted_certificate`. Without this directive only the signature itself is verified.',
    example: 'ssl_stapling_verify on; ssl_trusted_certificate ca.crt;',
  },
  ssl_ocsp: {
    contexts: CONTEXTS,
    takes: choice('off', 'on', 'leaf'),
    default: 'off',
    doc: 'Whether the certificates of clients are validated with OCSP: those of the whole chain, or only that of the client (`leaf`). The responder is queried after the handshake and before the first request; certificates that are revoked or whose status cannot be determined are refused (495). The address of the responder is resolved with `resolver`.',
    example: 'ssl_verify_client on; ssl_ocsp on; resolver 127.0.0.53;',
    differs:
      'Without `resolver`, the host of a responder is resolved when a response is requested, not when the configuration is loaded.',
    differsFor: () => false,
  },
  ssl_ocsp_responder: {
    contexts: CONTEXTS,
    takes: named('url', text),
    doc: 'URL of the OCSP responder (`http://`) for the certificates of clients, instead of those in the certificates.',
    example: 'ssl_ocsp_responder http://ocsp.example.com/;',
  },
  ssl_ocsp_cache: {
    contexts: CONTEXTS,
    takes: ocspCache,
    default: 'off',
    doc: 'Zone that stores the status of certificates for all worker processes until it expires, at most an hour if the responder states no time.',
    example: 'ssl_ocsp_cache shared:ocsp:10m;',
  },
} as const satisfies Directives;

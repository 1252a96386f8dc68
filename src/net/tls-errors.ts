/** Errors of OpenSSL in the words of nginx's log. */
import type { Level } from '../config/log-level.js';
import { errnoText } from '../diagnostics/errno.js';

/** Mistakes of clients, which nginx logs at level `info`; names of OpenSSL's reasons (ngx_ssl_connection_error). */
const CLIENT_MISTAKES: ReadonlySet<string> = new Set(
  `BAD_CHANGE_CIPHER_SPEC NO_SUITABLE_KEY_SHARE BAD_ALERT BAD_KEY_SHARE BAD_EXTENSION BAD_DIGEST_LENGTH
  MISSING_SIGALGS_EXTENSION BAD_PACKET_LENGTH NO_SUITABLE_SIGNATURE_ALGORITHM BAD_KEY_UPDATE
  BLOCK_CIPHER_PAD_IS_WRONG CCS_RECEIVED_EARLY DECODE_ERROR DATA_BETWEEN_CCS_AND_FINISHED DATA_LENGTH_TOO_LONG
  DIGEST_CHECK_FAILED ENCRYPTED_LENGTH_TOO_LONG ERROR_IN_RECEIVED_CIPHER_LIST EXCESSIVE_MESSAGE_SIZE
  GOT_A_FIN_BEFORE_A_CCS HTTPS_PROXY_REQUEST HTTP_REQUEST LENGTH_MISMATCH LENGTH_TOO_SHORT NO_RENEGOTIATION
  NO_CIPHERS_PASSED NO_CIPHERS_SPECIFIED BAD_CIPHER NO_COMPRESSION_SPECIFIED NO_SHARED_CIPHER
  PACKET_LENGTH_TOO_LONG INVALID_ALERT RECORD_LENGTH_MISMATCH TOO_MANY_WARNING_ALERTS CLIENTHELLO_TLSEXT
  PARSE_TLSEXT CALLBACK_FAILED TLS_RSA_ENCRYPTED_VALUE_LENGTH_IS_WRONG NO_APPLICATION_PROTOCOL
  UNEXPECTED_MESSAGE UNEXPECTED_RECORD UNKNOWN_ALERT_TYPE UNKNOWN_PROTOCOL NO_COMMON_SIGNATURE_ALGORITHMS
  INVALID_COMPRESSION_LIST MISSING_KEY_SHARE UNSUPPORTED_PROTOCOL NO_SHARED_GROUP WRONG_VERSION_NUMBER
  TOO_MUCH_SKIPPED_EARLY_DATA BAD_LENGTH DECRYPTION_FAILED_OR_BAD_RECORD_MAC APPLICATION_DATA_AFTER_CLOSE_NOTIFY
  APPLICATION_DATA_ON_SHUTDOWN BAD_LEGACY_VERSION MIXED_HANDSHAKE_AND_NON_HANDSHAKE_DATA RECORD_TOO_SMALL
  SSL3_SESSION_ID_TOO_LONG BAD_ECPOINT RECORD_LAYER_FAILURE RENEGOTIATE_EXT_TOO_LONG RENEGOTIATION_ENCODING_ERR
  RENEGOTIATION_MISMATCH UNSAFE_LEGACY_RENEGOTIATION_DISABLED SCSV_RECEIVED_WHEN_RENEGOTIATING
  INAPPROPRIATE_FALLBACK NO_SHARED_SIGNATURE_ALGORITHMS CERT_CB_ERROR VERSION_TOO_LOW TOO_MANY_WARN_ALERTS
  BAD_RECORD_TYPE`.split(/\s+/),
);

/** Fields of an error of OpenSSL as Node reports it. */
interface OpensslError extends NodeJS.ErrnoException {
  readonly opensslErrorStack?: readonly string[];
}

/** `error:0A000412:SSL routines:function:reason[:file:line:data]`; a line of OpenSSL's error queue. */
const ENTRY = /error:([0-9A-F]{8}):([^:]*):([^:]*):([^:\n]*)(?::[^:\n]*:\d+:([^\n]*))?/g;

/** Whether an error is one of OpenSSL, not of the system. */
export function isOpensslError(error: NodeJS.ErrnoException): boolean {
  return error.errno === undefined && /error:[0-9A-F]{8}:/.test(error.message);
}

/** OpenSSL's error queue as nginx writes it: `SSL: error:0A000412:SSL routines::… error:…`. */
export function opensslText(error: NodeJS.ErrnoException): string {
  const { message, opensslErrorStack = [] } = error as OpensslError;
  // Node may have tried several ways to parse the same bytes.
  const entries = new Set<string>();
  for (const [, number, library, , reason, data] of [message, ...[...opensslErrorStack].reverse()]
    .join('\n')
    .matchAll(ENTRY)) {
    entries.add(`error:${number}:${library}::${reason}${data ? `:${data.replace(/:$/, '')}` : ''}`);
  }
  return `SSL: ${entries.size === 0 ? message.trim() : [...entries].join(' ')}`;
}

/** nginx's message for a failed call of OpenSSL: `SSL_do_handshake() failed (SSL: …)`. */
export function callFailed(call: string, error: NodeJS.ErrnoException): string {
  return `${call}() failed (${isOpensslError(error) ? opensslText(error) : errnoText(error)})`;
}

/** Level at which nginx logs a failed handshake. `mistake`: level of mistakes of the peer. */
export function handshakeErrorLevel({ code = '' }: NodeJS.ErrnoException, mistake: Level = 'info'): Level {
  const [, reason = ''] = /^ERR_SSL_(.*)$/.exec(code) ?? [];
  if (reason === '') return /^E(CONNRESET|PIPE|NOTCONN|TIMEDOUT|CONNREFUSED)$/.test(code) ? mistake : 'crit';
  return CLIENT_MISTAKES.has(reason) || /_ALERT_/.test(reason) ? mistake : 'crit';
}

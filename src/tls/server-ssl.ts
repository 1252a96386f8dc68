/** TLS settings of a server, set by the module `ssl`. */
import type { ClientHello } from '../net/client-hello.js';
import type { ServerTls, SessionStore } from '../net/tls-engine.js';
import type { Session } from '../program/session.js';
import { SettingsKey } from '../program/settings-key.js';
import type { ClientOcsp } from './client-ocsp.js';
import type { TicketKeys } from './ticket-keys.js';

/** How clients are asked for certificates. */
export type Verify = 'off' | 'on' | 'optional' | 'optional_no_ca';

export interface ServerSsl {
  readonly rejects: boolean;
  readonly hasCertificates: boolean;
  /** `ssl_ecdh_curve`. */
  readonly curves: string;
  readonly preferServerCiphers: boolean;
  readonly verify: Verify;
  readonly verifyDepth: number;
  /** Cache and tickets of sessions; those of an address's default server apply to all of its servers. */
  readonly sessions: Sessions;
  /** `ssl_ocsp`; null: off. */
  readonly ocsp: ClientOcsp | null;
  /**
   * Settings for a handshake; null without certificates: those of the default server apply. `sessions`: those of the default server. Throws TlsFileError if a certificate whose name has
   * variables cannot be used.
   */
  readonly settings: ((x: Session, hello: ClientHello, sessions: Sessions) => ServerTls) | null;
}

/** How sessions are resumed. */
export interface Sessions {
  readonly keys: TicketKeys;
  readonly cache: SessionStore | null;
}

/** TLS settings of a server; null if it has none. */
export const SERVER_SSL = new SettingsKey<ServerSsl | null>('ssl', null);

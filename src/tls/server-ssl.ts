/** TLS settings of a server, set by the module `ssl`. */
import type { ServerTls } from '../net/tls-engine.js';
import type { Session } from '../program/session.js';
import { SettingsKey } from '../program/settings-key.js';

/** How clients are asked for certificates. */
export type Verify = 'off' | 'on' | 'optional' | 'optional_no_ca';

export interface ServerSsl {
  readonly rejects: boolean;
  readonly hasCertificates: boolean;
  readonly verify: Verify;
  readonly verifyDepth: number;
  /** Settings for a handshake. Throws TlsFileError if a certificate whose name has variables cannot be used. */
  settings(x: Session): ServerTls;
}

/** TLS settings of a server; null without `ssl_certificate` and `ssl_reject_handshake`. */
export const SERVER_SSL = new SettingsKey<ServerSsl | null>('ssl', null);

/**
 * Client session of any protocol: what templates, variables, load balancing methods and logs need. An HTTP request
 * (`Exchange`) is one; sessions of `stream {}` can be others.
 */
import type { Captures } from '../config/pcre/expression.js';
import type { ErrorLog } from '../logging/error-log.js';

/** Results of the steps between accepting a socket and its protocol, by key (`AcceptKey`). */
export interface AcceptResults {
  get<T>(key: { readonly name: string; readonly type: T }): T | undefined;
}

/** The client's connection. */
export interface Client {
  /** `$connection`: serial number. */
  readonly id: number;
  /** Address and port of the peer; `Session.remoteAddress` may have been replaced. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** Path of the listening unix socket, or null. */
  readonly unixPath: string | null;
  /** Results of the steps of its listener (PROXY protocol, TLS); null if there were none. */
  readonly accepted: AcceptResults | null;
  /** Whether the connection uses TLS. */
  readonly secure: boolean;
  /** Time at which it was accepted (`$connection_time`), ms since 1970. */
  readonly since: number;
  /** Bytes sent in this session: `$bytes_sent`. */
  readonly bytesSent: number;
}

export interface Session {
  readonly client: Client;
  /** Time at which the session began, ms since 1970 (with fractions). */
  readonly startTime: number;
  /** The client's address: the connection's, unless a trusted proxy reported another one (`set_real_ip_from`). */
  remoteAddress: string;
  remotePort: number;
  /** Values of variables, by `Variable.slot`. */
  readonly slots: (string | undefined)[];
  /** The last match of a regular expression: `$1` … */
  captures: Captures | null;
  readonly errorLog: ErrorLog;
  /** Record for the traffic tap, with the lines of the error log; null or undefined: none is needed. */
  readonly record?: { addLine(level: string, message: string): void } | null;
  /** Description that follows each message in the error log, with a leading comma: `, client: 192.0.2.1, …`. */
  logContext(): string;
}

/** Types of complete sites, and of the requests that both programs answer. */
import type { Place } from './place.js';

export interface SiteRequest {
  readonly scheme: 'http' | 'https';
  /** Port in the texts; 80 or 443 by default. */
  readonly port?: number;
  readonly host: string;
  /** `GET /path`; HTTP/1.1 unless it ends in another version. */
  readonly line: string;
  readonly fields?: readonly string[];
  readonly body?: string;
  /** Whether a WebSocket is opened, a message exchanged, and the socket closed. */
  readonly webSocket?: boolean;
  readonly differs?: Declared;
}

/** A known difference. */
export interface Declared {
  readonly reason: string;
  /** Matches each of the differences; there must be at least one. */
  readonly pattern: RegExp;
}

/** An application with its host. */
export interface Site {
  readonly name: string;
  readonly requests: readonly SiteRequest[];
}

/** One configuration of nginx, which may serve several sites. */
export interface Deployment {
  readonly name: string;
  /** Ports in the texts. */
  readonly ports: readonly number[];
  /** Names in its certificate. */
  readonly hosts: readonly string[];
  /** Paths at which the texts expect the certificate and its key. */
  readonly certificates: readonly (readonly [certificate: string, key: string])[];
  /** Writes `nginx.conf` and all that it needs. */
  assemble(place: Place): void;
  readonly sites: readonly Site[];
}

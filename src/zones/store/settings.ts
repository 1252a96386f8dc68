/** Settings of a store of zones: a server that speaks the protocol of Redis. Plain data. */
import type { Place } from '../../config/place.js';

export interface StoreSettings {
  readonly name: string;
  /** The address as written, which contains no secret; for messages. */
  readonly address: string;
  /** Host without brackets; null for a unix domain socket. */
  readonly host: string | null;
  readonly port: number;
  /** Path of a unix domain socket, or null. */
  readonly path: string | null;
  readonly tls: boolean;
  readonly database: number;
  readonly user: string | null;
  readonly passwordFile: string | null;
  /** File with certificates of authorities (PEM); null: those of Node.js. */
  readonly trustedCertificate: string | null;
  /** Beginning of all keys. */
  readonly prefix: string;
  /** ms to wait for an answer. */
  readonly timeout: number;
  /** ms for which a connection is counted without being renewed. */
  readonly lease: number;
}

/** A `zone_store` as declared. */
export interface StoreData extends StoreSettings {
  readonly at: Place;
}

/** Contents of the files that the settings name. */
export interface StoreSecrets {
  readonly password: string | null;
  readonly authorities: string | null;
}

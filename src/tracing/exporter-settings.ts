/** Settings of the connection to a collector. */
export interface ExporterSettings {
  readonly protocol: 'grpc' | 'http';
  /** Without scheme: host and port, `unix:` and a path, or for HTTP host, port and path. */
  readonly endpoint: string;
  readonly secure: boolean;
  /** PEM; null: the authorities of Node.js. */
  readonly trustedCertificate: string | null;
  /** Names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Attributes of the program that the spans are about. */
  readonly resource: Readonly<Record<string, string>>;
  readonly userAgent: string;
}

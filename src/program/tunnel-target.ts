/** The upstream end of a tunnel. */
export interface TunnelTarget {
  /** Name of the upstream. */
  readonly upstream: string;
  /** Address of the server, as in `$upstream_addr`. */
  readonly address: string;
}

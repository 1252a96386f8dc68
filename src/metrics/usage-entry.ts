/** Use of API keys (`metrics_usage`) as it is shown. Nothing here needs Node, so that browsers can use it. */

/** Use by one client with one mapping rule. Strings are text. */
export interface UsageEntry {
  /** Name of the list of keys. */
  readonly keys: string;
  readonly client: string;
  readonly plan: string;
  /** Mapping rule. */
  readonly rule: string;
  readonly requests: { readonly allowed: number; readonly limited: number; readonly forbidden: number };
  /** WebSockets that were opened, and their messages by sender. */
  readonly upgrades: number;
  readonly messages: { readonly client: number; readonly upstream: number };
}

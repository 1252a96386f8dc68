/** Arguments of the query that do not belong to the key: campaigns, identifiers of clicks (`proxy_cache_ignore_args`). */

export interface QueryRules {
  /** `ignore`: the named arguments do not count; `only`: all others do not count. */
  readonly mode: 'ignore' | 'only';
  /** Names; a `*` at the end stands for any rest. */
  readonly names: readonly string[];
  /** Whether the order of different arguments does not count either. */
  readonly sort: boolean;
}

export class QueryFilter {
  private readonly exact: ReadonlySet<string>;
  private readonly prefixes: readonly string[];

  constructor(private readonly rules: QueryRules) {
    this.exact = new Set(rules.names.filter((name) => !name.endsWith('*')));
    this.prefixes = rules.names.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1));
  }

  private isNamed(name: string): boolean {
    return this.exact.has(name) || this.prefixes.some((prefix) => name.startsWith(prefix));
  }

  /** The arguments that count. Of repeated names, the order stays. */
  apply(args: string): string {
    const counted = args.split('&').filter((each) => {
      const equals = each.indexOf('=');
      const name = equals < 0 ? each : each.slice(0, equals);
      // Encoded names are compared as they are: to decode them would treat as equal what upstreams may distinguish.
      return this.isNamed(name) === (this.rules.mode === 'only');
    });
    if (this.rules.sort) counted.sort((a, b) => compare(a.split('=', 1)[0] ?? '', b.split('=', 1)[0] ?? ''));
    return counted.join('&');
  }

  /** The key in which the counted arguments replace the query of the request; the same key if it does not contain the query. */
  normalize(key: string, args: string): string {
    if (args === '') return key;
    const counted = this.apply(args);
    if (counted === args) return key;
    const at = key.lastIndexOf(`?${args}`);
    if (at < 0) return key;
    const query = counted === '' ? '' : `?${counted}`;
    return key.slice(0, at) + query + key.slice(at + 1 + args.length);
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

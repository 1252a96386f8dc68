/** Stores of zones in a configuration: the parameters `store=…` of zones, and the check of their names. */
import type { Word } from '../../grammar/syntax-tree.js';
import { nearest } from '../diagnostics/nearest.js';
import type { ArgumentContext, FindingOptions } from './directive.js';
import type { CheckContext } from './module-declaration.js';
import { parseInteger } from './units.js';
import type { StoredZone } from './zone-declaration.js';

const FAILURES = ['local', 'open', 'closed'] as const;
/** Maximum of `store_lease=`. */
const MAX_LEASE = 10_000;

/** Options of the finding about a parameter that the zones of a directive do not have: the reason for that of a store. */
export function withoutStore({ text }: Word): FindingOptions {
  return text.startsWith('store') ? { help: 'only limits and the sessions of "sticky learn" are kept in a store' } : {};
}

/** Collects the parameters `store=`, `store_failure=` and `store_lease=` of a zone. */
export class StoreParameters {
  private name: string | null = null;
  private failure: StoredZone['failure'] = 'local';
  private lease = 1;
  /** The first parameter that needs `store=`. */
  private dependent: Word | null = null;

  /** `leases`: whether `store_lease=` applies to the zone. */
  constructor(
    private readonly c: ArgumentContext,
    private readonly leases: boolean,
  ) {}

  /** Parses a parameter; false if it is none of these. */
  parse(word: Word): boolean {
    const equals = word.text.indexOf('=');
    const name = word.text.slice(0, Math.max(0, equals));
    const value = word.text.slice(equals + 1);
    if (name === 'store') {
      if (value === '') this.c.fail(word, 'invalid-value', `invalid store "${word.text}"`);
      this.name = value;
      return true;
    }
    if (name === 'store_failure') this.failure = this.parseFailure(value, word);
    else if (name === 'store_lease' && this.leases) this.lease = this.parseLease(value, word);
    else return false;
    this.dependent ??= word;
    return true;
  }

  /** The result, when all parameters have been parsed; an empty object for a zone without a store. */
  get value(): { readonly store?: StoredZone } {
    const { name, failure, lease, dependent } = this;
    if (name !== null) return { store: { name, failure, lease } };
    if (dependent !== null) {
      this.c.fail(dependent, 'invalid-value', `"${dependent.text}" without "store"`, {
        help: 'it applies to zones with the parameter store=name',
      });
    }
    return {};
  }

  private parseFailure(value: string, word: Word): StoredZone['failure'] {
    const found = FAILURES.find((each) => each === value);
    return (
      found ??
      this.c.fail(word, 'invalid-value', `invalid store_failure "${value}"`, { help: `one of ${FAILURES.join(', ')}` })
    );
  }

  private parseLease(value: string, word: Word): number {
    const lease = parseInteger(value) ?? 0;
    if (lease >= 2 && lease <= MAX_LEASE) return lease;
    return this.c.fail(word, 'invalid-value', `invalid store_lease "${value}"`, {
      help: `a number of requests from 2 to ${MAX_LEASE}`,
    });
  }
}

/** Checks that the stores named by the zones of a directive are declared by `zone_store`. */
export function checkStoreNames(directive: string, c: CheckContext): void {
  const declared = c
    .all('http')
    .flatMap(({ values }) => (values.zone_store ?? []) as readonly { readonly name: string }[])
    .map(({ name }) => name);
  for (const { args } of c.statements(directive)) {
    const at = args.findLast(({ text }) => text.startsWith('store='));
    const name = at?.text.slice('store='.length) ?? '';
    if (at === undefined || name === '' || declared.includes(name)) continue;
    // A rejected declaration has its own finding.
    if (c.statements('zone_store').some((statement) => statement.args[0]?.text === name)) continue;
    const [meant] = nearest(name, declared);
    c.report(at, 'invalid-reference', `unknown store "${name}"`, {
      help:
        meant !== undefined
          ? `did you mean "${meant}"?`
          : `no store of that name is declared; at http level: zone_store ${name} redis://127.0.0.1;`,
    });
  }
}

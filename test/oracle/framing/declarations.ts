/** Holds the outcome of each case to the table of declared differences. */
import assert from 'node:assert/strict';
import { nginxVersion } from '../nginx.js';
import { type Declared, declared } from './declared.js';

/** The release whose behaviour is followed, and the one that the older differences were declared for. */
const FOLLOWED = [1, 31];
const OLDER = '1.22.';

/** The outcome of a case: in what the proxies differ, and what only tsproxy lets through. */
export interface Found {
  readonly differences: readonly string[];
  readonly excess: readonly string[];
}

/**
 * Milliseconds between the pieces that nginx gets. On a busy machine it may read several at once and then do otherwise than
 * with each by itself; a difference between the proxies is there however slowly they are written.
 */
const PAUSES = [1, 5, 25];

/** Compares in each way of proxying, again as long as something is found that is not declared. */
export async function settled<T extends string>(
  isDeclared: boolean,
  kinds: readonly T[],
  compare: (kind: T, pause: number) => Promise<Found>,
): Promise<Found> {
  for (let attempt = 0; ; attempt++) {
    const pause = PAUSES[attempt] ?? 0;
    const differences = new Set<string>();
    const excess = new Set<string>();
    for (const kind of kinds) {
      const found = await compare(kind, pause);
      for (const text of found.differences) differences.add(`${kind}, ${text}`);
      for (const text of found.excess) excess.add(`${kind}, ${text}`);
    }
    const quiet = excess.size === 0 && (isDeclared || differences.size === 0);
    if (quiet || attempt === PAUSES.length - 1) return { differences: [...differences], excess: [...excess] };
  }
}

interface Groups {
  readonly name: string;
  readonly cases: readonly { readonly name: string }[];
}

export class Declarations {
  private readonly byCase = new Map<string, Declared>();
  private readonly version = nginxVersion();

  constructor(private readonly groups: readonly Groups[]) {
    for (const entry of declared) {
      if (!groups.some(({ name }) => name === entry.group)) continue;
      for (const name of entry.cases) this.byCase.set(`${entry.group}: ${name}`, entry);
    }
    for (const { name, cases } of groups) {
      const names = cases.map((each) => each.name);
      const twice = names.filter((each, i) => names.indexOf(each) !== i);
      assert.deepEqual(twice, [], `cases of "${name}" with the same name`);
    }
  }

  /** Lines of the table that name no case of these groups. */
  unknown(): string[] {
    const names = new Set(this.groups.flatMap(({ name, cases }) => cases.map((each) => `${name}: ${each.name}`)));
    return [...this.byCase.keys()].filter((key) => !names.has(key));
  }

  has(group: string, name: string): boolean {
    return this.byCase.has(`${group}: ${name}`);
  }

  /** Fails where the outcome is not the declared one. */
  judge(group: string, name: string, found: Found): void {
    const entry = this.byCase.get(`${group}: ${name}`);
    const must = entry !== undefined && this.applies(entry);
    const may = must || (entry !== undefined && this.between());
    if (!(may && entry?.more)) assert.deepEqual(found.excess, []);
    if (!may) assert.deepEqual(found.differences, []);
    const count = found.differences.length + found.excess.length;
    if (must) assert.notEqual(count, 0, `declared to differ (${entry.reason}), but it does not`);
  }

  private applies({ older }: Declared): boolean {
    return older !== true || this.version.startsWith(OLDER);
  }

  /** The version is neither of the two that the table is about. */
  private between(): boolean {
    const [major = 0, minor = 0] = this.version.split('.').map(Number);
    const [followedMajor = 0, followedMinor = 0] = FOLLOWED;
    const followed = major > followedMajor || (major === followedMajor && minor >= followedMinor);
    return !followed && !this.version.startsWith(OLDER);
  }
}

/** Operations behind `api_key` and `api_usage`. */
import { KeyUsage, type UsageAnswer, type UsageCounts, type UsageQuestion } from './key-usage.js';
import type { Operation } from './operation.js';

/** Counts a request of a client. */
export const countUsage: Operation<UsageQuestion, UsageAnswer> = {
  name: 'api_keys count',
  fallback: { result: 'unanswered', states: [] },
  run: (owner, question) =>
    owner.zone(question.zone, KeyUsage)?.count(question, owner.now) ?? { result: 'unanswered', states: [] },
};

/** The counts of all clients of a zone; null if they are not available. */
export const readUsage: Operation<{ readonly zone: number }, readonly UsageCounts[] | null> = {
  name: 'api_keys read',
  fallback: null,
  run: (owner, { zone }) => owner.zone(zone, KeyUsage)?.counts() ?? null,
};

/** Writes to logs (of a line or a buffer) that this process has dropped, for status pages. */

/** Number of logs whose writes are counted separately: names may contain variables. */
const MAX_LOGS = 100;
const OTHERS = 'other logs';

/** Plain data. */
export interface DroppedWrites {
  /** Path of the log, or its description: `syslog server 192.0.2.1:514`. Byte string. */
  readonly log: string;
  readonly count: number;
  /** Time of the last one, ms since 1970. */
  readonly time: number;
}

const dropped = new Map<string, { count: number; time: number }>();

export function countDropped(log: string, count: number): void {
  const known = dropped.get(log);
  if (known === undefined && dropped.size >= MAX_LOGS && log !== OTHERS) {
    countDropped(OTHERS, count);
    return;
  }
  dropped.set(log, { count: (known?.count ?? 0) + count, time: Date.now() });
}

/** The dropped writes of this process since its start. */
export function droppedWrites(): DroppedWrites[] {
  return [...dropped].map(([log, { count, time }]) => ({ log, count, time }));
}

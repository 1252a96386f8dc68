/** Exports of what is shown: HAR, and JSON lines. */
import type { Connection } from './connection.js';
import type { RequestEntry, Traffic } from './traffic.js';

export async function exportRequests(_e: readonly RequestEntry[], _c: Connection, _f: 'har' | 'jsonl'): Promise<void> {}
export async function exportFrames(
  _t: Traffic,
  _i: string | null,
  _c: Connection,
  _f: 'har' | 'jsonl',
): Promise<void> {}

/** Text of a row that stands for dropped ones; null for other rows. */
import type { DroppedRow } from '../feed-format.js';
import { count } from './numbers.js';

export function gapText(row: { readonly kind: string; readonly row?: unknown }): string | null {
  if (row.kind !== 'gap') return null;
  const { count: dropped } = row.row as DroppedRow;
  return `${count(dropped)} ${dropped === 1 ? 'row' : 'rows'} dropped: too many to show`;
}

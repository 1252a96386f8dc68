/** Conditions for lines of access logs. */
import { parseMilliseconds } from '../../config/units.js';
import type { LogEntry } from './log-entry.js';

/** Error: an invalid option, which the message names. */
export class InvalidFilter extends Error {}

interface FilterOptions {
  readonly status?: string;
  readonly path?: string;
  readonly upstream?: string;
  readonly slower?: string;
}

interface Range {
  readonly from: number;
  readonly to: number;
}

export class LineFilter {
  private readonly statuses: readonly Range[] | null;
  private readonly path: RegExp | null;
  private readonly upstream: string | null;
  /** ms. */
  private readonly slower: number | null;

  constructor({ status, path, upstream, slower }: FilterOptions) {
    this.statuses = status === undefined ? null : status.split(',').map(rangeOf);
    this.path = path === undefined ? null : patternOf(path);
    this.upstream = upstream ?? null;
    this.slower = slower === undefined ? null : timeOf(slower);
  }

  /** Whether there is a condition. */
  get active(): boolean {
    return this.statuses !== null || this.path !== null || this.upstream !== null || this.slower !== null;
  }

  matches({ status, target, upstream, duration }: LogEntry): boolean {
    if (this.statuses !== null && !this.statuses.some(({ from, to }) => status >= from && status <= to)) return false;
    if (this.path !== null && !this.path.test(target)) return false;
    if (this.upstream !== null && !upstream.includes(this.upstream)) return false;
    return this.slower === null || (duration !== null && duration >= this.slower);
  }
}

function rangeOf(text: string): Range {
  const [, digits = '', end = digits] = /^(\d{3,4})(?:-(\d{3,4}))?$/.exec(text) ?? [];
  if (digits !== '') return { from: Number(digits), to: Number(end) };
  const [, first] = /^([1-5])xx$/i.exec(text) ?? [];
  if (first === undefined) throw new InvalidFilter(`invalid status "${text}"; write 404, 5xx or 400-499`);
  return { from: Number(first) * 100, to: Number(first) * 100 + 99 };
}

/** Prefix of a path, in which `*` matches any characters. */
function patternOf(text: string): RegExp {
  const parts = text.split(/\*+/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*?')}`, 's');
}

function timeOf(text: string): number {
  const time = parseMilliseconds(text);
  if (time === null) throw new InvalidFilter(`invalid time "${text}"; write 500ms or 2s`);
  return time;
}

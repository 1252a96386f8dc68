/** Selection of rows by path, status and id. */
import type { FeedRow } from '../../console/feed-format.js';

export interface RowFilterOptions {
  /** Pattern of host and target, with `*` and `?`; without wildcards, a substring. Empty: all. */
  readonly path: string;
  /** Statuses of responses: `404`, `5xx`. Empty: all rows, also others. */
  readonly statuses: readonly string[];
  /** Ids of requests. Empty: all. */
  readonly ids: readonly string[];
}

/** Maximum number of requests whose host and target are stored: later rows have only the id. */
const MAX_KNOWN = 10_000;

export class RowFilter {
  private readonly path: RegExp | null;
  private readonly ids: ReadonlySet<string>;
  /** Host and target by id, the oldest first. */
  private readonly targets = new Map<string, string>();

  constructor(private readonly options: RowFilterOptions) {
    this.path = options.path === '' ? null : patternOf(options.path);
    this.ids = new Set(options.ids);
  }

  /** Host and target of a request; empty if they are not known. */
  targetOf(id: string): string {
    return this.targets.get(id) ?? '';
  }

  /** Must be called for each row, in order. */
  accepts(row: FeedRow): boolean {
    if (row.type === 'dropped') return true;
    if (row.type === 'request' || row.type === 'open') this.remember(row.id, row.host + row.target);
    const { statuses } = this.options;
    if (this.ids.size > 0 && !this.ids.has(row.id)) return false;
    if (this.path !== null && !this.path.test(this.targetOf(row.id))) return false;
    if (statuses.length === 0) return true;
    return row.type === 'response' && statuses.some((status) => matches(status, row.status));
  }

  private remember(id: string, target: string): void {
    this.targets.delete(id);
    this.targets.set(id, target);
    if (this.targets.size <= MAX_KNOWN) return;
    const [oldest] = this.targets.keys();
    if (oldest !== undefined) this.targets.delete(oldest);
  }
}

function patternOf(path: string): RegExp {
  const escaped = path.replace(/[\\^$.+()[\]{}|]/g, '\\$&');
  if (!/[*?]/.test(path)) return new RegExp(escaped);
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's');
}

function matches(wanted: string, status: number): boolean {
  return wanted.endsWith('xx') ? String(status).startsWith(wanted.charAt(0)) : Number(wanted) === status;
}

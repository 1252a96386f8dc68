/** Times in which a peer is unavailable because of failures or health checks. Times in ms since 1970. */

/** Plain data. */
export interface DowntimeFigures {
  /** Number of times that it became unavailable because of failures. */
  readonly unavailable: number;
  /** Time for which it was unavailable, ms. */
  readonly downtime: number;
  /** Start of the current period; 0: it is available. */
  readonly downSince: number;
}

export class Downtime {
  private unavailable = 0;
  /** Earlier periods. */
  private total = 0;
  /** Start and end of the current or last period; 0: none. */
  private since = 0;
  private until = 0;

  /** The peer has failed and is unavailable until `until`. */
  failed(now: number, until: number): void {
    if (now >= this.until) this.unavailable++;
    this.begin(now, until);
  }

  /** The peer is unavailable until `until`. */
  begin(now: number, until: number): void {
    if (now >= this.until) {
      this.total += this.until - this.since;
      this.since = now;
    }
    this.until = Math.max(this.until, until);
  }

  /** The peer is available again. */
  end(now: number): void {
    if (now < this.until) this.until = now;
  }

  figures(now: number): DowntimeFigures {
    const { unavailable, total, since, until } = this;
    return {
      unavailable,
      downtime: total + Math.min(now, until) - since,
      downSince: now < until ? since : 0,
    };
  }
}

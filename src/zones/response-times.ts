/** Averages of response times, as in nginx: in whole ms, 0 before the first response. */

/** Average after one more response: a new value counts 5 %. */
export function movingAverage(before: number, value: number): number {
  const whole = Math.trunc(value);
  return before === 0 ? whole : Math.trunc(0.5 + whole * 0.05 + before * 0.95);
}

/** Averages of a peer, and the responses that change them. */
export class ResponseTimes {
  header = 0;
  lastByte = 0;

  add({ headers, lastBytes }: TimeSamples): void {
    for (const time of headers) this.header = movingAverage(this.header, time);
    for (const time of lastBytes) this.lastByte = movingAverage(this.lastByte, time);
  }
}

/** Times of responses, ms, oldest first. Plain data. */
export interface TimeSamples {
  readonly headers: readonly number[];
  readonly lastBytes: readonly number[];
}

/** Active requests of a process: their number, and the sum of the times at which they began, ms since 1970. Plain data. */
export interface ActiveRequests {
  readonly requests: number;
  readonly began: number;
}

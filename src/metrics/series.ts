/** Series of this process. Recording is an addition to a field or an array element; the rest is computed on reading. */
import type { Family } from './family.js';

/** A series of a family: one combination of label values. */
export interface Series {
  readonly family: Family;
  readonly labels: readonly string[];
  /** Increase since the last call; null if there is none. */
  takeIncrease(): number[] | null;
}

/** Current value of a gauge in one worker; `labels` in the order of the family's. Plain data. */
export interface GaugeValue {
  readonly family: string;
  readonly labels: readonly string[];
  readonly value: number;
}

export class Counter implements Series {
  value = 0;
  private taken = 0;

  constructor(
    readonly family: Family,
    readonly labels: readonly string[],
  ) {}

  takeIncrease(): number[] | null {
    const increase = this.value - this.taken;
    if (increase === 0) return null;
    this.taken = this.value;
    return [increase];
  }
}

export class Histogram implements Series {
  /** Numbers of values by bucket, then their sum. */
  private readonly values: Float64Array;
  private readonly taken: Float64Array;
  private readonly bounds: Float64Array;

  constructor(
    readonly family: Family,
    readonly labels: readonly string[],
  ) {
    this.bounds = Float64Array.from(family.bounds);
    this.values = new Float64Array(family.bounds.length + 2);
    this.taken = new Float64Array(family.bounds.length + 2);
  }

  /** Records a value, in the unit of the bounds. */
  observe(value: number): void {
    const { bounds, values } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket++;
    values[bucket] = (values[bucket] as number) + 1;
    const sum = values.length - 1;
    values[sum] = (values[sum] as number) + value;
  }

  takeIncrease(): number[] | null {
    const { values, taken } = this;
    let changed = false;
    const increase = Array.from(values, (value, i) => {
      const before = taken[i] as number;
      if (value !== before) changed = true;
      return value - before;
    });
    if (!changed) return null;
    taken.set(values);
    return increase;
  }
}

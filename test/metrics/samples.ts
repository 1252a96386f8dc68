/** Samples of a metrics page, for tests. */
import { get } from '../kit/index.js';

/** Values by series, as written: `name{label="value",…}`. */
export type Samples = ReadonlyMap<string, number>;

export function samplesIn(text: string): Samples {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}

export async function scrape(port: number, path = '/metrics'): Promise<Samples> {
  return samplesIn((await get(port, path)).body);
}

/** Value of a series; 0 if it does not exist. */
export function valueIn(samples: Samples, series: string): number {
  return samples.get(series) ?? 0;
}

/** Sum over all series of a metric whose labels contain a text. */
export function sumIn(samples: Samples, name: string, labels = ''): number {
  let sum = 0;
  for (const [series, value] of samples) {
    if ((series === name || series.startsWith(`${name}{`)) && series.includes(labels)) sum += value;
  }
  return sum;
}

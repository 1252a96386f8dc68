/** Small charts of recent values, drawn as SVG paths. */
import { svg } from './dom.js';

/** Values of the last seconds, oldest first. */
export class Recent {
  readonly values: number[] = [];

  constructor(readonly length: number) {}

  add(value: number): void {
    this.values.push(value);
    if (this.values.length > this.length) this.values.shift();
  }

  get last(): number {
    return this.values[this.values.length - 1] ?? 0;
  }

  get max(): number {
    return Math.max(0, ...this.values);
  }
}

const WIDTH = 100;
const HEIGHT = 24;

/** Path of the line through values; `slots`: values that the whole width has room for. */
function linePath(values: readonly number[], max: number, slots: number): string {
  const step = WIDTH / Math.max(1, slots - 1);
  const start = WIDTH - (values.length - 1) * step;
  return values
    .map((value, i) => {
      const y = HEIGHT - 1 - (max > 0 ? (value / max) * (HEIGHT - 2) : 0);
      return `${i === 0 ? 'M' : 'L'}${(start + i * step).toFixed(1)} ${y.toFixed(1)}`;
    })
    .join('');
}

/** `tone`: a class for the color. */
export function sparkline(values: readonly number[], slots: number, tone = ''): SVGElement {
  const max = Math.max(0, ...values);
  const line = values.length < 2 ? '' : linePath(values, max, slots);
  const start = WIDTH - ((values.length - 1) * WIDTH) / Math.max(1, slots - 1);
  const area = line === '' ? '' : `${line}L${WIDTH} ${HEIGHT}L${start.toFixed(1)} ${HEIGHT}Z`;
  return svg(
    'svg',
    {
      class: `sparkline ${tone}`,
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: 'none',
      'aria-hidden': 'true',
    },
    svg('path', { class: 'sparkline-area', d: area }),
    svg('path', { class: 'sparkline-line', d: line, 'vector-effect': 'non-scaling-stroke' }),
  );
}

/** Draws the line into a cell of a list, which may have one already. */
export function drawRate(cell: HTMLElement, { values, length }: Recent): void {
  let path = cell.firstElementChild?.firstElementChild ?? null;
  if (path === null) {
    path = svg('path', { class: 'sparkline-line', 'vector-effect': 'non-scaling-stroke' });
    cell.append(
      svg(
        'svg',
        { class: 'sparkline', viewBox: '0 0 100 24', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
        path,
      ),
    );
  }
  const max = Math.max(1, ...values);
  path.setAttribute('d', values.length < 2 ? '' : linePath(values, max, length));
}

/** Durations of HAProxy in nginx's notation: milliseconds without a unit. */
export function duration(text: string | undefined): string | null {
  const [, number = '', unit = ''] = /^(\d+)(us|ms|s|m|h|d)?$/.exec(text ?? '') ?? [];
  if (number === '') return null;
  if (unit === 'us') return `${Math.max(1, Math.round(Number(number) / 1000))}ms`;
  if (unit !== '' && unit !== 'ms') return `${number}${unit}`;
  return Number(number) % 1000 === 0 ? `${Number(number) / 1000}s` : `${number}ms`;
}

/** Durations and sizes of Caddy in nginx's notation. */

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A duration like `1m30s`; null if it is none. */
export function duration(text: string | undefined): string | null {
  if (text === undefined || !/^(?:\d+(?:\.\d+)?(?:ms|[smhd]))+$/.test(text)) return null;
  let milliseconds = 0;
  for (const [, number, unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)) {
    milliseconds += Number(number) * (UNITS[unit] ?? 0);
  }
  return milliseconds % 1000 === 0 ? `${milliseconds / 1000}s` : `${Math.round(milliseconds)}ms`;
}

/** A size like `10MB` or `1MiB`; null if it is none. */
export function size(text: string | undefined): string | null {
  const match = /^(\d+)\s*(?:([kmg])(i?)b?|b?)$/i.exec(text ?? '');
  if (match === null) return null;
  const [, number = '', unit = '', binary = ''] = match;
  if (unit === '') return number;
  // nginx has binary units only.
  return binary !== ''
    ? `${number}${unit.toLowerCase()}`
    : String(Number(number) * 1000 ** ' kmg'.indexOf(unit.toLowerCase()));
}

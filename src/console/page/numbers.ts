/** Numbers, durations and sizes as text. Widths vary little, so that columns do not shift. */

const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** 12,345 */
export function count(value: number): string {
  return grouped.format(value);
}

/** 1.2, 12.3, 123: three digits at most, without trailing zeros. */
function short(value: number): string {
  const digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return value
    .toFixed(digits)
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '');
}

/** 950, 1.2k, 3.4M */
export function compact(value: number): string {
  if (value < 1000) return Number.isInteger(value) ? String(value) : short(value);
  if (value < 999_500) return `${short(value / 1000)}k`;
  if (value < 999_500_000) return `${short(value / 1e6)}M`;
  return `${short(value / 1e9)}G`;
}

/** Bytes: 0 B, 512 B, 1.5 KiB. */
export function bytes(value: number): string {
  if (value < 1024) return `${Math.round(value)} B`;
  if (value < 1024 * 1023.5) return `${short(value / 1024)} KiB`;
  if (value < 1024 ** 2 * 1023.5) return `${short(value / 1024 ** 2)} MiB`;
  return `${short(value / 1024 ** 3)} GiB`;
}

/** Milliseconds: 0.4 ms, 12 ms, 1.5 s, 2 min 5 s. */
export function duration(ms: number): string {
  if (ms < 0) return `−${duration(-ms)}`;
  if (ms < 999.5) return `${ms < 10 ? short(ms) : Math.round(ms)} ms`;
  if (ms < 59_950) return `${short(ms / 1000)} s`;
  return age(ms);
}

/** Long times in two units: 5 s, 2 min 5 s, 3 h 12 min, 4 d 1 h. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  const days = Math.floor(hours / 24);
  return hours % 24 === 0 ? `${days} d` : `${days} d ${hours % 24} h`;
}

/** Fraction as percentage: 0%, 0.4%, 12%. */
export function percent(fraction: number): string {
  return `${short(fraction * 100)}%`;
}

/** A count with a noun in the singular or plural. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

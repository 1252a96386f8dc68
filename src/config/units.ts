/** nginx's notations for numbers, sizes and times. Each parser returns null for input that nginx rejects. */

/** Upper bound of integers in nginx on a 64-bit machine. */
const MAX = 2 ** 63;
const KIB = 1024;
const MIB = 1024 * 1024;
const GIB = 1024 * 1024 * 1024;

/** Parses digits only, like nginx's `ngx_atoi`. */
export function parseInteger(text: string): number | null {
  if (!/^[0-9]+$/.test(text)) {
    return null;
  }
  const value = Number(text);
  return value < MAX ? value : null;
}

/** A whole number above 0. */
export function parsePositiveInteger(text: string): number | null {
  return parseInteger(text) || null;
}

function scaled(text: string, units: Readonly<Record<string, number>>): number | null {
  const scale = units[text.slice(-1).toLowerCase()];
  const value = parseInteger(scale === undefined ? text : text.slice(0, -1));
  if (value === null) {
    return null;
  }
  const total = value * (scale ?? 1);
  return total < MAX ? total : null;
}

/** A size in bytes: `1024`, `8k`, `16m`. */
export function parseSize(text: string): number | null {
  return scaled(text, { k: KIB, m: MIB });
}

/** An offset in bytes: a size, or `2g`. */
export function parseOffset(text: string): number | null {
  return scaled(text, { k: KIB, m: MIB, g: GIB });
}

/** A time in whole seconds: `30`, `1h30m`, `1d 12h`. `ms` is rejected, as by nginx for directives in seconds. */
export function parseSeconds(text: string): number | null {
  return parseTime(text, true);
}

/**
 * A time in milliseconds: `500ms`, `1s 500ms`; a bare number is seconds. Years and months are rejected, as by nginx.
 */
export function parseMilliseconds(text: string): number | null {
  return parseTime(text, false);
}

/** A time above 0, in milliseconds. */
export function parsePositiveMilliseconds(text: string): number | null {
  return parseMilliseconds(text) || null;
}

interface Unit {
  readonly rank: number;
  readonly seconds: number;
}

/** In descending order; each may occur once, and only after a larger one. A space ends a bare number of seconds. */
const UNITS: Readonly<Record<string, Unit>> = {
  y: { rank: 1, seconds: 365 * 86400 },
  M: { rank: 2, seconds: 30 * 86400 },
  w: { rank: 3, seconds: 7 * 86400 },
  d: { rank: 4, seconds: 86400 },
  h: { rank: 5, seconds: 3600 },
  m: { rank: 6, seconds: 60 },
  s: { rank: 7, seconds: 1 },
  ms: { rank: 8, seconds: 0.001 },
  ' ': { rank: 9, seconds: 1 },
};
const MONTH_RANK = 2;
const SECOND_RANK = 7;

function parseTime(text: string, inSeconds: boolean): number | null {
  const perSecond = inSeconds ? 1 : 1000;
  let reached = inSeconds ? 0 : MONTH_RANK;
  let total = 0;
  let at = 0;
  let digitsSeen = false;
  while (at < text.length) {
    const digits = /^[0-9]*/.exec(text.slice(at))?.[0] ?? '';
    at += digits.length;
    digitsSeen ||= digits !== '';
    const value = Number(digits === '' ? 0 : digits);
    if (at === text.length) {
      total += value * perSecond;
      break;
    }
    const name = text.startsWith('ms', at) ? 'ms' : text.charAt(at);
    const unit = UNITS[name];
    if (unit === undefined || (name === 'ms' && inSeconds)) {
      return null;
    }
    // A space requires a rank below `s`, like `s` itself; every other unit a rank below its own.
    if (reached >= Math.min(unit.rank, name === ' ' ? SECOND_RANK : unit.rank)) {
      return null;
    }
    reached = unit.rank;
    total += name === 'ms' ? value : value * unit.seconds * perSecond;
    at += name.length;
    while (text.charAt(at) === ' ') {
      at++;
    }
  }
  return digitsSeen && total < MAX ? total : null;
}

/** Current time in the formats of heads and log lines; strings are cached for a second. */
import { callbackNow } from '../net/callback-clock.js';
import { epochOffset, now } from '../net/deadlines.js';
import { formatHttpDate } from './http-date.js';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** Milliseconds since 1970; the clock of deadlines is `now` of net/deadlines.ts. */
export function epochTime(): number {
  return Date.now();
}

/**
 * Time in ms since 1970, constant during a callback of the event loop: a request answered immediately has taken no
 * time. nginx: ngx_cached_time.
 */
export function callbackTime(): number {
  return Math.floor(callbackNow() + epochOffset());
}

/** Current time in the format of `Date` and `Expires`: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 5.6.7). */
export function httpDateNow(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== httpSecond) {
    httpSecond = second;
    httpText = formatHttpDate(second);
  }
  return httpText;
}
let httpSecond = Number.NaN;
let httpText = '';

/** The `Date` field line with its line break; like nginx's, as of the last tick of the coarse clock. */
export function dateLine(): string {
  const tick = now();
  if (tick !== lineTick) {
    lineTick = tick;
    lineText = `Date: ${httpDateNow()}\r\n`;
  }
  return lineText;
}
let lineTick = Number.NaN;
let lineText = '';

/** `$time_local`: `28/Sep/1970:12:00:00 +0600`. */
export function localTime(): string {
  refreshLocal();
  return localText;
}

/** `$time_iso8601`: `1970-09-28T12:00:00+06:00`. */
export function iso8601Time(): string {
  refreshLocal();
  return isoText;
}
/** Local time in syslog format (RFC 3164 4.1.2): `Sep 28 12:00:00`, with the day padded by a space. */
export function syslogTime(): string {
  refreshLocal();
  return syslogText;
}
let localSecond = Number.NaN;
let localText = '';
let isoText = '';
let syslogText = '';

function refreshLocal(): void {
  const ms = Date.now();
  const second = Math.floor(ms / 1000);
  if (second === localSecond) return;
  localSecond = second;
  const d = new Date(ms);
  // getTimezoneOffset returns minutes west of Greenwich.
  const offset = -d.getTimezoneOffset();
  const sign = offset < 0 ? '-' : '+';
  const hours = two(Math.floor(Math.abs(offset) / 60));
  const minutes = two(Math.abs(offset) % 60);
  const time = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  localText = `${two(d.getDate())}/${MONTHS[d.getMonth()]}/${d.getFullYear()}:${time} ${sign}${hours}${minutes}`;
  syslogText = `${MONTHS[d.getMonth()]} ${String(d.getDate()).padStart(2)} ${time}`;
  isoText = `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}T${time}${sign}${hours}:${minutes}`;
}

function two(n: number): string {
  return n < 10 ? `0${n}` : String(n);
}

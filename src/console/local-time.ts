/** Local times as text. Nothing here needs Node, so that browsers can use it. Times are ms since 1970. */

const two = (value: number): string => (value < 10 ? `0${value}` : String(value));

/** Time of day: 14:02:09. */
export function clock(time: number): string {
  const date = new Date(time);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Time of day with milliseconds: 14:02:09.123. */
export function preciseClock(time: number): string {
  return `${clock(time)}.${String(new Date(time).getMilliseconds()).padStart(3, '0')}`;
}

/** Day: 2026-03-01. */
export function day(time: number): string {
  const date = new Date(time);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** Day and time of day: 2026-03-01 14:02:09. */
export function dateAndClock(time: number): string {
  return `${day(time)} ${clock(time)}`;
}

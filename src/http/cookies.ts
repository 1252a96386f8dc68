/** Cookies in nginx's manner: their lookup is case-insensitive. */
import { epochTime } from './clock.js';

/** Returns the value of a cookie in `Cookie` fields (`a=1; b=2`), or undefined. `name` in lower case. */
export function cookieValue(fields: readonly string[], name: string): string | undefined {
  for (const field of fields) {
    for (let start = 0; start < field.length; ) {
      const end = endOf(field, start);
      const value = valueIn(field, start, end, name);
      if (value !== undefined) return value;
      start = end + 1;
      while (field.charCodeAt(start) === 32) start++;
    }
  }
  return undefined;
}

/** Returns the value that `Set-Cookie` fields give a cookie, or undefined. `name` in lower case. */
export function setCookieValue(fields: readonly string[], name: string): string | undefined {
  for (const field of fields) {
    const value = valueIn(field, 0, endOf(field, 0), name);
    if (value !== undefined) return value;
  }
  return undefined;
}

function endOf(field: string, start: number): number {
  const semicolon = field.indexOf(';', start);
  return semicolon < 0 ? field.length : semicolon;
}

/** Returns the value of `name = value` in `field` from `start` to `end`; undefined for another name. */
function valueIn(field: string, start: number, end: number, name: string): string | undefined {
  let at = start + name.length;
  if (at > end || field.slice(start, at).toLowerCase() !== name) return undefined;
  while (at < end && field.charCodeAt(at) === 32) at++;
  if (field[at] !== '=' || at === end) return undefined;
  at++;
  while (at < end && field.charCodeAt(at) === 32) at++;
  return field.slice(at, end);
}

/**
 * Time that many seconds from now, in the old format of cookies, with a year of two digits up to 2037.
 * nginx: ngx_http_cookie_time.
 */
export function cookieTime(seconds: number): string {
  const date = new Date(epochTime() + seconds * 1000);
  const [day = '', number = '', month = '', , time = ''] = date.toUTCString().split(' ');
  const year = date.getUTCFullYear();
  const short = year > 2037 ? String(year) : String(year % 100).padStart(2, '0');
  return `${day} ${number}-${month}-${short} ${time} GMT`;
}

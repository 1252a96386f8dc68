/** Dates in field values (RFC 9110 5.6.7): the preferred format and the two obsolete ones. */

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const MONTH = '(?<month>J|F|M|A|S|O|N|D)(?<rest>..)';
const TIME = '(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)';

/**
 * The formats as parsed by nginx: the day name and text after a complete date are ignored. Months are distinguished by
 * as many letters as necessary.
 */
const FORMS = [
  // Tue, 10 Nov 2002 23:50:13 GMT; one-digit hours are invalid
  new RegExp(`^[^, ]*, *(?<day>\\d\\d) ${MONTH} (?<year>\\d{4}) ${TIME}`, 's'),
  // Tuesday, 10-Dec-02 23:50:13 GMT
  new RegExp(`^[^, ]*, *(?<day>\\d\\d)-${MONTH}-(?<year>\\d\\d) ${TIME}`, 's'),
  // Tue Dec 10 23:50:13 2002
  new RegExp(`^[^, ]* +${MONTH} (?<day> ?\\d\\d?) ${TIME} (?<year>\\d{4})`, 's'),
];

/** Seconds since 1970, or -1 if `text` is not a date. */
export function parseHttpDate(text: string): number {
  for (const form of FORMS) {
    const parts = form.exec(text)?.groups;
    if (parts === undefined) continue;
    const month = monthOf(parts.month ?? '', parts.rest ?? '');
    const short = Number(parts.year);
    const year = parts.year?.length === 2 ? short + (short < 70 ? 2000 : 1900) : short;
    const day = Number(parts.day);
    const hour = Number(parts.hour);
    const minute = Number(parts.minute);
    const second = Number(parts.second);
    if (hour > 23 || minute > 59 || second > 59 || day > daysIn(month, year)) return -1;
    const date = new Date(0);
    // Date.UTC would map the years 0 to 99 to 1900 to 1999.
    date.setUTCFullYear(year, month, day);
    return date.getTime() / 1000 + hour * 3600 + minute * 60 + second;
  }
  return -1;
}

function monthOf(first: string, rest: string): number {
  switch (first) {
    case 'J':
      return rest[0] === 'a' ? 0 : rest[1] === 'n' ? 5 : 6;
    case 'M':
      return rest[1] === 'r' ? 2 : 4;
    case 'A':
      return rest[0] === 'p' ? 3 : 7;
    default:
      return MONTHS.findIndex((month) => month.startsWith(first));
  }
}

function daysIn(month: number, year: number): number {
  return new Date(Date.UTC(year < 100 ? year + 400 : year, month + 1, 0)).getUTCDate();
}

/** Formats a time in seconds since 1970 as `Tue, 10 Nov 2002 23:50:13 GMT`. */
export function formatHttpDate(seconds: number): string {
  return new Date(seconds * 1000).toUTCString();
}

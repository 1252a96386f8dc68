/** Writes a time as C's `strftime` does in the C locale. */

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const;
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const;

const DAY = 86_400_000;

/** The time in Greenwich, or the local one. What is no conversion stays as it is written. */
export function strftime(format: string, date: Date, gmt: boolean): string {
  // The fields of the shifted date, read as if it were UTC, are those of the zone.
  const minutes = gmt ? 0 : -date.getTimezoneOffset();
  const zoned = new Date(date.getTime() + minutes * 60_000);
  return format.replace(/%([EO]?)([A-Za-z%])/g, (written: string, _modifier: string, conversion: string) =>
    convert(conversion, { date, zoned, minutes, gmt }, written),
  );
}

interface Moment {
  readonly date: Date;
  readonly zoned: Date;
  /** East of Greenwich. */
  readonly minutes: number;
  readonly gmt: boolean;
}

function convert(conversion: string, moment: Moment, written: string): string {
  const { date, zoned: t, minutes, gmt } = moment;
  const again = (format: string) => strftime(format, date, gmt);
  const day = t.getUTCDay();
  const year = t.getUTCFullYear();
  const hours = t.getUTCHours();
  const month = MONTHS[t.getUTCMonth()] ?? '';
  const dayOfYear = Math.floor((t.getTime() - Date.UTC(year, 0, 1)) / DAY);
  switch (conversion) {
    case 'a':
      return (DAYS[day] ?? '').slice(0, 3);
    case 'A':
      return DAYS[day] ?? '';
    case 'b':
    case 'h':
      return month.slice(0, 3);
    case 'B':
      return month;
    case 'c':
      return again('%a %b %e %H:%M:%S %Y');
    case 'C':
      return two(Math.floor(year / 100));
    case 'd':
      return two(t.getUTCDate());
    case 'D':
    case 'x':
      return again('%m/%d/%y');
    case 'e':
      return two(t.getUTCDate(), ' ');
    case 'F':
      return again('%Y-%m-%d');
    case 'g':
      return two(weekOf(t).year % 100);
    case 'G':
      return String(weekOf(t).year);
    case 'V':
      return two(weekOf(t).week);
    case 'H':
      return two(hours);
    case 'I':
      return two(hours % 12 || 12);
    case 'j':
      return String(dayOfYear + 1).padStart(3, '0');
    case 'k':
      return two(hours, ' ');
    case 'l':
      return two(hours % 12 || 12, ' ');
    case 'm':
      return two(t.getUTCMonth() + 1);
    case 'M':
      return two(t.getUTCMinutes());
    case 'n':
      return '\n';
    case 'p':
      return hours < 12 ? 'AM' : 'PM';
    case 'P':
      return hours < 12 ? 'am' : 'pm';
    case 'r':
      return again('%I:%M:%S %p');
    case 'R':
      return again('%H:%M');
    case 's':
      return String(Math.floor(date.getTime() / 1000));
    case 'S':
      return two(t.getUTCSeconds());
    case 't':
      return '\t';
    case 'T':
    case 'X':
      return again('%H:%M:%S');
    case 'u':
      return String(day || 7);
    case 'U':
      return two(Math.floor((dayOfYear + 7 - day) / 7));
    case 'w':
      return String(day);
    case 'W':
      return two(Math.floor((dayOfYear + 7 - ((day + 6) % 7)) / 7));
    case 'y':
      return two(year % 100);
    case 'Y':
      return String(year);
    case 'z': {
      const east = Math.abs(minutes);
      return `${minutes < 0 ? '-' : '+'}${two(Math.floor(east / 60))}${two(east % 60)}`;
    }
    case 'Z':
      return gmt ? 'GMT' : zoneName(date);
    case '%':
      return '%';
    default:
      return written;
  }
}

function two(n: number, fill = '0'): string {
  return String(n).padStart(2, fill);
}

/** The week of ISO 8601, and the year to which it belongs: that of its Thursday. */
function weekOf(date: Date): { readonly week: number; readonly year: number } {
  const thursday = new Date(date.getTime() + (4 - (date.getUTCDay() || 7)) * DAY);
  const year = thursday.getUTCFullYear();
  return { week: Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / DAY / 7) + 1, year };
}

/** Made once for each time zone: making one takes many times as long as using it. */
let zoneFormat: { readonly zone: string | undefined; readonly format: Intl.DateTimeFormat } | null = null;

function zoneName(date: Date): string {
  const zone = process.env.TZ;
  if (zoneFormat === null || zoneFormat.zone !== zone) {
    zoneFormat = { zone, format: new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }) };
  }
  const parts = zoneFormat.format.formatToParts(date);
  return parts.find(({ type }) => type === 'timeZoneName')?.value ?? 'UTC';
}

/** Formats a time like `strftime` in the C locale. */

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

/** Formats a time in GMT or local time. Unknown conversions are left unchanged. */
export function strftime(format: string, date: Date, gmt: boolean): string {
  // The UTC fields of the shifted date are the fields of the zone.
  const minutes = gmt ? 0 : -date.getTimezoneOffset();
  const zoned = new Date(date.getTime() + minutes * 60_000);
  return format.replace(/%([EO]?)([A-Za-z%])/g, (written: string, _modifier: string, conversion: string) =>
    convert(conversion, { date, zoned, minutes, gmt }, written),
  );
}

interface Moment {
  readonly date: Date;
  readonly zoned: Date;
  /** Offset east of UTC. */
  readonly minutes: number;
  readonly gmt: boolean;
}

function convert(conversion: string, moment: Moment, written: string): string {
  const { date, zoned: t, minutes, gmt } = moment;
  const formatWith = (format: string) => strftime(format, date, gmt);
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
      return formatWith('%a %b %e %H:%M:%S %Y');
    case 'C':
      return twoDigits(Math.floor(year / 100));
    case 'd':
      return twoDigits(t.getUTCDate());
    case 'D':
    case 'x':
      return formatWith('%m/%d/%y');
    case 'e':
      return twoDigits(t.getUTCDate(), ' ');
    case 'F':
      return formatWith('%Y-%m-%d');
    case 'g':
      return twoDigits(weekOf(t).year % 100);
    case 'G':
      return String(weekOf(t).year);
    case 'V':
      return twoDigits(weekOf(t).week);
    case 'H':
      return twoDigits(hours);
    case 'I':
      return twoDigits(hours % 12 || 12);
    case 'j':
      return String(dayOfYear + 1).padStart(3, '0');
    case 'k':
      return twoDigits(hours, ' ');
    case 'l':
      return twoDigits(hours % 12 || 12, ' ');
    case 'm':
      return twoDigits(t.getUTCMonth() + 1);
    case 'M':
      return twoDigits(t.getUTCMinutes());
    case 'n':
      return '\n';
    case 'p':
      return hours < 12 ? 'AM' : 'PM';
    case 'P':
      return hours < 12 ? 'am' : 'pm';
    case 'r':
      return formatWith('%I:%M:%S %p');
    case 'R':
      return formatWith('%H:%M');
    case 's':
      return String(Math.floor(date.getTime() / 1000));
    case 'S':
      return twoDigits(t.getUTCSeconds());
    case 't':
      return '\t';
    case 'T':
    case 'X':
      return formatWith('%H:%M:%S');
    case 'u':
      return String(day || 7);
    case 'U':
      return twoDigits(Math.floor((dayOfYear + 7 - day) / 7));
    case 'w':
      return String(day);
    case 'W':
      return twoDigits(Math.floor((dayOfYear + 7 - ((day + 6) % 7)) / 7));
    case 'y':
      return twoDigits(year % 100);
    case 'Y':
      return String(year);
    case 'z': {
      const east = Math.abs(minutes);
      return `${minutes < 0 ? '-' : '+'}${twoDigits(Math.floor(east / 60))}${twoDigits(east % 60)}`;
    }
    case 'Z':
      return gmt ? 'GMT' : zoneName(date);
    case '%':
      return '%';
    default:
      return written;
  }
}

function twoDigits(n: number, fill = '0'): string {
  return String(n).padStart(2, fill);
}

/** ISO 8601 week and week-based year, which is that of the week's Thursday. */
function weekOf(date: Date): { readonly week: number; readonly year: number } {
  const thursday = new Date(date.getTime() + (4 - (date.getUTCDay() || 7)) * DAY);
  const year = thursday.getUTCFullYear();
  return { week: Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / DAY / 7) + 1, year };
}

/** Created once per time zone, because creation is many times slower than use. */
let zoneFormat: { readonly zone: string | undefined; readonly format: Intl.DateTimeFormat } | null = null;

function zoneName(date: Date): string {
  const zone = process.env.TZ;
  if (zoneFormat === null || zoneFormat.zone !== zone) {
    zoneFormat = { zone, format: new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }) };
  }
  const parts = zoneFormat.format.formatToParts(date);
  return parts.find(({ type }) => type === 'timeZoneName')?.value ?? 'UTC';
}

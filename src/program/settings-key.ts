/** Settings of a location by feature. */

/** Number of keys so far. */
let count = 0;

/**
 * Key of the settings of one feature: set by the `settings` hook of the module that declares the directives, read by
 * handlers, `x.location.settings.get(key)`. `initial` applies where nothing was set; its fields must not be changed.
 */
export class SettingsKey<T> {
  declare readonly type: T;
  /** Position in the settings of a location. */
  readonly index = count++;
  constructor(
    readonly name: string,
    readonly initial: T,
  ) {}
}

/** Settings as handlers read them. */
export interface Settings {
  get<T>(key: SettingsKey<T>): T;
}

/** The location in which a request is handled, as seen by modules; `LocationProgram` adds its handlers. */
export interface Location {
  /** Name in nginx's logs: the pattern, or empty for the server's own level. */
  readonly name: string;
  /** Whether requests are passed to an upstream, unless a handler answers them before. */
  readonly passes: boolean;
  readonly settings: Settings;
}

/** Whether two values, or all fields of two objects, are the same. */
export function sameValues(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (!isRecord(a) || !isRecord(b)) return false;
  for (const name in a) if (a[name] !== b[name]) return false;
  return Object.getPrototypeOf(a) === Object.getPrototypeOf(b);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

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

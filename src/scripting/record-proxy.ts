/** Objects of scripts whose properties are computed when they are read, and checked when they are set. */

/** Source of the properties; one object per record, as records are created for each request. */
export abstract class RecordSource {
  /** Value of a property; undefined: there is none. */
  protected abstract read(name: string): unknown;
  protected abstract names(): string[];
  /** Whether `Object.keys` lists the properties. */
  protected readonly enumerable: boolean = true;
  /** Sets a property; returns false if none can be set. */
  protected write(_name: string, _value: unknown): boolean {
    return false;
  }
  protected remove(_name: string): boolean {
    return false;
  }

  get(_target: unknown, name: string | symbol): unknown {
    return typeof name === 'string' ? this.read(name) : undefined;
  }
  has(_target: unknown, name: string | symbol): boolean {
    return typeof name === 'string' && this.read(name) !== undefined;
  }
  ownKeys(): string[] {
    return this.names();
  }
  getOwnPropertyDescriptor(_target: unknown, name: string | symbol): PropertyDescriptor | undefined {
    const value = typeof name === 'string' ? this.read(name) : undefined;
    if (value === undefined) return undefined;
    return { value, enumerable: this.enumerable, configurable: true, writable: true };
  }
  set(_target: unknown, name: string | symbol, value: unknown): boolean {
    return typeof name === 'string' && this.write(name, value);
  }
  defineProperty(_target: unknown, name: string | symbol, { value, get, set }: PropertyDescriptor): boolean {
    if (get !== undefined || set !== undefined) throw new TypeError('cannot define getter or setter');
    return typeof name === 'string' && this.write(name, value);
  }
  deleteProperty(_target: unknown, name: string | symbol): boolean {
    return typeof name === 'string' && this.remove(name);
  }
  preventExtensions(): boolean {
    return false;
  }
}

/** Target of all proxies: it has no properties, and no handler gives it any. */
const NOTHING = Object.create(null) as Record<string, unknown>;

export function recordOf(source: RecordSource): Record<string, unknown> {
  return new Proxy(NOTHING, source as ProxyHandler<Record<string, unknown>>);
}

/** `r.variables` and `r.rawVariables`: nginx variables of a request. */
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { RecordSource, recordOf } from './record-proxy.js';
import type { Scripts } from './scripts.js';
import { bytesOf, textOf } from './text.js';

class Variables extends RecordSource {
  protected override readonly enumerable: boolean = false;

  constructor(
    protected readonly x: Exchange,
    protected readonly scripts: Scripts,
  ) {
    super();
  }
  protected read(name: string): string | Buffer | undefined {
    const value = variableOf(this.x, this.scripts, name);
    return value === undefined ? undefined : textOf(value);
  }
  protected names(): string[] {
    return [];
  }
  protected override write(name: string, value: unknown): boolean {
    assign(this.x, this.scripts, name, bytesOf(value));
    return true;
  }
}

class RawVariables extends Variables {
  protected override read(name: string): Buffer | undefined {
    const value = variableOf(this.x, this.scripts, name);
    return value === undefined ? undefined : Buffer.from(value, 'latin1');
  }
}

export function textVariables(x: Exchange, scripts: Scripts): Record<string, string | undefined> {
  return recordOf(new Variables(x, scripts)) as Record<string, string | undefined>; // see `read`
}

export function rawVariables(x: Exchange, scripts: Scripts): Record<string, Buffer | undefined> {
  return recordOf(new RawVariables(x, scripts)) as Record<string, Buffer | undefined>; // see `read`
}

function variableOf(x: Exchange, scripts: Scripts, name: string): string | undefined {
  if (/^\d+$/.test(name)) return x.captures?.[Number(name)];
  return scripts.getter(name.toLowerCase())?.(x);
}

function assign(x: Exchange, scripts: Scripts, name: string, value: string): void {
  const lower = name.toLowerCase();
  const variable = scripts.variable(lower);
  if (variable === null) {
    throw new TypeError(scripts.getter(lower) === null ? 'variable not found' : 'variable is not writable');
  }
  if (variable.setter === null && variable.slot < 0) throw new TypeError('variable is not writable');
  if (value.length > MAX_VALUE) {
    logError(x, 'error', `too long value of the variable "${lower}"`);
    throw new RangeError('value is too long');
  }
  variable.assign(x, value);
}

/** Maximum length of an assigned value, bytes. */
const MAX_VALUE = 16 << 20;

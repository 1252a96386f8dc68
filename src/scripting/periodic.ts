/** `js_periodic`: calls a function at intervals while the table is in force. */
import { exchangeWithoutClient } from '../exchange/no-client.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import type { Enforceable } from '../program/module.js';
import type { LocationProgram, ServerProgram } from '../program/program.js';
import { workerNumber } from '../program/worker-number.js';
import type { FunctionName } from './function-name.js';
import { hasFailed, type ScriptFunction } from './script-function.js';
import type { Scripts } from './scripts.js';
import { rawVariables, textVariables } from './variables-object.js';

/** A `js_periodic` as written. Plain data. */
export interface PeriodicData {
  readonly function: FunctionName;
  /** ms. */
  readonly interval: number;
  /** Maximum random delay in addition, ms. */
  readonly jitter: number;
  /** Workers that call the function, `1` or `0` each; `all`; null: the first. */
  readonly affinity: string | null;
}

/** The argument of the function. */
class PeriodicSession {
  constructor(
    readonly variables: Record<string, string | undefined>,
    readonly rawVariables: Record<string, Buffer | undefined>,
  ) {}

  get [Symbol.toStringTag](): string {
    return 'PeriodicSession';
  }
}

export class PeriodicCall implements Enforceable {
  private timer: NodeJS.Timeout | null = null;
  /** Number of calls that have not settled. */
  private running = 0;

  constructor(
    private readonly fn: ScriptFunction,
    private readonly scripts: Scripts,
    private readonly data: PeriodicData,
    private readonly server: ServerProgram,
    private readonly location: LocationProgram,
  ) {}

  enforced(): void {
    if (this.timer !== null || !this.isCalledHere) return;
    this.schedule(1);
  }

  superseded(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  /** nginx: the first worker without a mask. */
  private get isCalledHere(): boolean {
    const { affinity } = this.data;
    if (affinity === 'all') return true;
    return affinity === null ? workerNumber() === 0 : affinity[workerNumber()] === '1';
  }

  private schedule(ms: number): void {
    this.timer = setTimeout(() => this.call(), ms + Math.random() * this.data.jitter);
    this.timer.unref();
  }

  private call(): void {
    this.schedule(this.data.interval);
    const x = exchangeWithoutClient(this.server, this.location);
    if (this.running > 0) {
      // The earlier call cannot be aborted.
      logError(x, 'error', `http js periodic "${this.fn.name}" is still running when it is called again`);
    }
    this.running++;
    const session = new PeriodicSession(textVariables(x, this.scripts), rawVariables(x, this.scripts));
    const result = this.fn.run(x, [session], false);
    if (result instanceof Promise) void result.then((settled) => this.ended(x, settled));
    else this.ended(x, result);
  }

  /** As in njs, a call that has failed leaves no timers. */
  private ended(x: Exchange, result: unknown): void {
    this.running--;
    if (hasFailed(result)) this.scripts.clearTimers(x);
  }
}

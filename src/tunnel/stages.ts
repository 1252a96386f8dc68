/** Stages of the directions of a tunnel: see `Stage`. */
import type { HttpExchange } from '../exchange/exchange.js';
import type { Transport } from '../net/transport.js';
import { SettingsKey } from '../program/settings-key.js';
import type { Stage, StageHost } from '../websocket/stage.js';

/** `up`: from the client to the upstream. */
export type Direction = 'up' | 'down';

/** Creates the stage of one direction of a WebSocket; null: there is none. */
export type StageFactory = (x: HttpExchange, direction: Direction, host: StageHost) => Stage | null;

/** Stages of a location's WebSockets, the first one next to the sender. Modules append theirs. */
export const TUNNEL_STAGES = new SettingsKey<readonly StageFactory[]>('tunnel stages', []);

/** The tunnel as seen by the stages of one direction. */
export interface StagedTunnel {
  /** Forwards bytes that have passed the last stage. */
  passStaged(from: Transport, bytes: Buffer, start: number, end: number): void;
  closeByProxy(code: number, reason: string): void;
  /** Called when the stages of `from` have passed on all bytes. */
  onStagesIdle(from: Transport): void;
}

/** The stages of one direction, chained: each passes on to the next one, the last one to the relay. */
export class StageChain {
  private readonly stages: Stage[] = [];

  private constructor(
    private readonly tunnel: StagedTunnel,
    private readonly from: Transport,
    private readonly to: Transport,
  ) {}

  /** Returns null if there is no stage. */
  static open(
    tunnel: StagedTunnel,
    from: Transport,
    to: Transport,
    direction: Direction,
    x: HttpExchange,
    factories: readonly StageFactory[],
  ): StageChain | null {
    const chain = new StageChain(tunnel, from, to);
    for (const factory of factories) {
      const stage = factory(x, direction, chain.host(chain.stages.length));
      if (stage !== null) chain.stages.push(stage);
    }
    return chain.stages.length === 0 ? null : chain;
  }

  private host(index: number): StageHost {
    const { tunnel, from, to, stages } = this;
    return {
      pass: (bytes, start, end) => {
        const next = stages[index + 1];
        if (next === undefined) tunnel.passStaged(from, bytes, start, end);
        else next.push(bytes, start, end);
        return !to.waiting && next?.full !== true;
      },
      pauseSender: () => from.pause(),
      resumeSender: () => {
        stages[index - 1]?.drained();
        this.resume();
      },
      idle: () => {
        if (!this.busy) tunnel.onStagesIdle(from);
      },
      close: (code, reason) => tunnel.closeByProxy(code, reason),
    };
  }

  push(bytes: Buffer, start: number, end: number): void {
    this.stages[0]?.push(bytes, start, end);
  }

  /** Called when the receiver accepts bytes again. */
  drained(): void {
    this.stages.at(-1)?.drained();
    this.resume();
  }

  /** Called when the receiver has been sent a Close frame of the proxy. */
  receiverClosed(): void {
    for (const stage of this.stages) stage.receiverClosed();
  }

  private resume(): void {
    if (!this.to.waiting && !this.full) this.from.resume();
  }

  /** Whether the sender must stay paused. */
  get full(): boolean {
    return this.stages.some(({ full }) => full);
  }

  /** Whether received bytes have not been passed on yet. */
  get busy(): boolean {
    return this.stages.some(({ busy }) => busy);
  }

  dispose(): void {
    for (const stage of this.stages) stage.dispose();
  }
}

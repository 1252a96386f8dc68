/**
 * The end of a tunnel that is asked to go (RFC 6455, 7): the client gets a Close frame, and what it said before it
 * answers still reaches the upstream, which then gets one too; when both have answered, the sockets end.
 */
import { now, type Timed, unwatch, watch } from '../http/deadlines.js';
import type { FrameRelay } from './relay.js';

/** Status codes of Close frames (RFC 6455, 7.4.1, and IANA's registry). */
export const GOING_AWAY = 1001;
export const SERVICE_RESTART = 1012;

/** How a tunnel is to end. Times in ms on the clock of `now()`. */
export interface DrainOrder {
  readonly code: number;
  /** When the Close frame is due. */
  readonly at: number;
  /** When the sockets are closed, whatever has been said by then. */
  readonly deadline: number;
}

/** What a drain needs of its tunnel. */
export interface Draining {
  /** From the upstream to the client, and the other way; null where no frames are followed. */
  readonly down: FrameRelay | null;
  readonly up: FrameRelay | null;
  /** Both sides have said and heard Close. */
  drained(): void;
  /** The deadline has come. */
  cut(): void;
}

/** Its turn has not come. */
const WAITING = 0;
/** The client has been told, or is told behind the message that it is receiving. */
const TOLD = 1;
/** The upstream as well: half of the time is over. */
const BOTH_TOLD = 2;
/** Messages under way are waited for no longer: three quarters of the time are over. */
const LAST = 3;

export class Drain implements Timed {
  deadline = 0;
  deadlineIndex = -1;
  private state = WAITING;

  constructor(
    private readonly tunnel: Draining,
    private order: DrainOrder,
  ) {
    watch(this);
  }

  /** Waits until the order is due, which may be now. */
  start(): void {
    this.deadline = Math.max(this.order.at, 1);
    if (this.order.at <= now()) this.timedOut();
  }

  /** Another order: where nothing was said yet the earlier one counts, and of the deadlines always. */
  hurry(order: DrainOrder): void {
    const before = this.order;
    const deadline = Math.min(before.deadline, order.deadline);
    const isFirst = this.state === WAITING && order.at < before.at;
    this.order = { ...(isFirst ? order : before), deadline };
    if (this.state === WAITING) this.start();
    else if (deadline < before.deadline) {
      // What is left of the steps shares what is left of the time.
      this.deadline = Math.min(this.deadline, this.state === LAST ? deadline : (now() + deadline) / 2);
    }
  }

  timedOut(): void {
    const { tunnel, order } = this;
    if (this.state === WAITING && now() < order.deadline) this.begin();
    else if (this.state === TOLD && now() < order.deadline) {
      tunnel.down?.sendClose(order.code);
      tunnel.up?.sendClose(order.code);
      this.state = BOTH_TOLD;
      this.deadline = (now() + order.deadline) / 2;
      this.look();
    } else if (this.state === BOTH_TOLD && now() < order.deadline) {
      tunnel.down?.forceClose(order.code);
      tunnel.up?.forceClose(order.code);
      this.state = LAST;
      this.deadline = order.deadline;
      this.look();
    } else tunnel.cut();
  }

  /** Calls it off; false where somebody was told already. */
  cancel(): boolean {
    if (this.state !== WAITING) return false;
    unwatch(this);
    this.deadline = 0;
    return true;
  }

  private begin(): void {
    const { tunnel, order } = this;
    const { down, up } = tunnel;
    this.state = LAST;
    this.deadline = order.deadline;
    if (down === null || up === null) return;
    // A client that does not answer by then is waited for no longer before the upstream is told.
    this.state = TOLD;
    this.deadline = (now() + order.deadline) / 2;
    down.drain();
    up.drain();
    // Where one of them has begun to close by itself, the other one's answer is waited for.
    if (!up.saidClose && !down.saidClose) down.sendClose(order.code);
    this.look();
  }

  /** A Close frame comes while both sides are watched. */
  closeComes(relay: FrameRelay): void {
    const { down, up } = this.tunnel;
    const other = relay === up ? down : up;
    if (other === null) return;
    if (relay.toldOurs || other.toldOurs) {
      relay.sendClose(this.order.code);
      other.sendClose(this.order.code);
    } else {
      // It is of the sender's own accord: it goes through, and so does the answer to it.
      relay.cancelClose();
      other.cancelClose();
    }
  }

  /** Looks whether all is said. */
  look(): void {
    const { down, up } = this.tunnel;
    if (this.state === WAITING || down === null || up === null) return;
    if (down.over && up.over && down.toldClose && up.toldClose) this.tunnel.drained();
  }

  /** One of the sockets has ended: who can still be told is told. */
  ended(): void {
    unwatch(this);
    this.deadline = 0;
    if (this.state === WAITING) return;
    this.tunnel.down?.forceClose(this.order.code);
    this.tunnel.up?.forceClose(this.order.code);
  }
}

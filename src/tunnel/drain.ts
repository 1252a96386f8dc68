/**
 * Graceful end of a tunnel (RFC 6455, 7): the client receives a Close frame first, and messages that it sent before
 * answering still reach the upstream, which then receives one too; when both have answered, the sockets are closed.
 */

import { now, type Timed, unwatch, watch } from '../net/deadlines.js';
import { SettingsKey } from '../program/settings-key.js';
import type { FrameRelay } from './relay.js';

/** `tunnel_drain` of a location; null: its tunnels are not drained. Times in ms. */
export const TUNNEL_DRAIN = new SettingsKey<{ readonly spread: number; readonly timeout: number } | null>(
  'tunnel_drain',
  null,
);

/** Parameters of a drain. Times in ms on the clock of `now()`. */
export interface DrainSchedule {
  readonly code: number;
  /** Reason in the Close frame. */
  readonly reason?: string;
  /** Time at which the Close frame is due. */
  readonly at: number;
  /** Time at which the sockets are closed, even if the closing handshake is incomplete. */
  readonly deadline: number;
}

/** The tunnel as seen by its drain. */
export interface Draining {
  /** From the upstream to the client, and from the client to the upstream; null if frames are not parsed. */
  readonly down: FrameRelay | null;
  readonly up: FrameRelay | null;
  /** Called when both sides have sent and received a Close frame. */
  onDrained(): void;
  /** Called at the deadline. */
  cut(): void;
}

// States of a drain; see docs/states.md.
/** The Close frame is not due yet. */
const WAITING = 0;
/** The client has received a Close frame, or will after the message in flight. */
const CLIENT_CLOSING = 1;
/** The upstream, too: half of the time is over. */
const BOTH_CLOSING = 2;
/** Messages in flight are no longer waited for: three quarters of the time are over. */
const FORCING = 3;

export class Drain implements Timed {
  deadline = 0;
  deadlineIndex = -1;
  private state = WAITING;
  /** Whether the answers of the two sides are not awaited. */
  private failed = false;

  constructor(
    private readonly tunnel: Draining,
    private schedule: DrainSchedule,
  ) {
    watch(this);
  }

  /** Waits until the Close frame is due, which may be now. */
  start(): void {
    this.deadline = Math.max(this.schedule.at, 1);
    if (this.schedule.at <= now()) this.timedOut();
  }

  /** Applies another schedule: the earlier Close frame counts if none was sent yet, the earlier deadline in any case. */
  tighten(schedule: DrainSchedule): void {
    const before = this.schedule;
    const deadline = Math.min(before.deadline, schedule.deadline);
    const isFirst = this.state === WAITING && schedule.at < before.at;
    this.schedule = { ...(isFirst ? schedule : before), deadline };
    if (this.state === WAITING) this.start();
    else if (deadline < before.deadline) {
      // The remaining steps share the remaining time.
      this.deadline = Math.min(this.deadline, this.state === FORCING ? deadline : (now() + deadline) / 2);
    }
  }

  timedOut(): void {
    const { tunnel, schedule } = this;
    if (this.state === WAITING && now() < schedule.deadline) this.begin();
    else if (this.state === CLIENT_CLOSING && now() < schedule.deadline) {
      tunnel.down?.sendClose(schedule.code, schedule.reason);
      tunnel.up?.sendClose(schedule.code, schedule.reason);
      this.state = BOTH_CLOSING;
      this.deadline = (now() + schedule.deadline) / 2;
      this.finishIfClosed();
    } else if (this.state === BOTH_CLOSING && now() < schedule.deadline) {
      this.forceClose();
      this.state = FORCING;
      this.deadline = schedule.deadline;
      this.finishIfClosed();
    } else tunnel.cut();
  }

  /** Cancels the drain; false if a Close frame was sent already. */
  cancel(): boolean {
    if (this.state !== WAITING) return false;
    unwatch(this);
    this.deadline = 0;
    return true;
  }

  private begin(): void {
    const { tunnel, schedule } = this;
    const { down, up } = tunnel;
    this.state = FORCING;
    this.deadline = schedule.deadline;
    if (down === null || up === null) return;
    // If the client does not answer by then, the upstream is sent its Close frame regardless.
    this.state = CLIENT_CLOSING;
    this.deadline = (now() + schedule.deadline) / 2;
    down.drain();
    up.drain();
    // If one side has started closing by itself, the other side's answer is awaited.
    if (!up.closeReceived && !down.closeReceived) down.sendClose(schedule.code, schedule.reason);
    this.finishIfClosed();
  }

  /**
   * Ends the WebSocket because of an error: both sides are sent a Close frame after the frame in flight, and their answers are
   * not awaited (RFC 6455, 7.1.7). A Close frame that a drain has sent before counts.
   */
  fail(schedule: DrainSchedule): void {
    const { tunnel } = this;
    this.schedule = schedule;
    this.state = FORCING;
    this.failed = true;
    this.deadline = schedule.deadline;
    tunnel.down?.drain();
    tunnel.up?.drain();
    this.forceClose();
    this.finishIfClosed();
  }

  private forceClose(): void {
    const { tunnel, schedule } = this;
    tunnel.down?.forceClose(schedule.code, schedule.reason);
    tunnel.up?.forceClose(schedule.code, schedule.reason);
  }

  /** Called when a Close frame starts to arrive while both sides are parsed. */
  onCloseFrame(relay: FrameRelay): void {
    const { down, up } = this.tunnel;
    const other = relay === up ? down : up;
    if (other === null) return;
    if (relay.ownCloseSent || other.ownCloseSent) {
      relay.sendClose(this.schedule.code, this.schedule.reason);
      other.sendClose(this.schedule.code, this.schedule.reason);
    } else {
      // The sender closes of its own accord: its frame is forwarded, and so is the answer.
      relay.cancelClose();
      other.cancelClose();
    }
  }

  /** Finishes if both directions have closed. */
  finishIfClosed(): void {
    const { down, up } = this.tunnel;
    if (this.state === WAITING || down === null || up === null) return;
    if (!down.closeSent || !up.closeSent) return;
    if (this.failed || (down.closeComplete && up.closeComplete)) this.tunnel.onDrained();
  }

  /** One of the sockets has ended: sends a Close frame to the side that can still receive it. */
  onSocketEnd(): void {
    unwatch(this);
    this.deadline = 0;
    if (this.state !== WAITING) this.forceClose();
  }
}

/** Traffic tap of a process: publishers write rows to it while there are subscribers. */

import { FrameQueue } from './frame-queue.js';
import type { PublishedRow } from './published-rows.js';
import { Records } from './records.js';

/** WebSockets and event streams whose frames and events are needed, by the ids of their requests. */
export type FrameSelection = 'all' | 'none' | ReadonlySet<string>;

/** A subscriber in this process. */
export interface TapSink {
  /** Maximum number of bytes of a payload that it needs. */
  readonly payloadSize: number;
  readonly frames: FrameSelection;
  /** Whether it needs records of requests. */
  readonly withRecords: boolean;
  /** Whether it needs compressed messages decompressed. */
  readonly withMessages: boolean;
  /** Receives a row, which is valid for the call only. Rows that it does not need may be among them. */
  add(row: PublishedRow): void;
  close(): void;
}

/** Number of taps of this process whose `framesActive` is set: publishers of frames test it before anything else. */
export let tapsWithFrames = 0;

export class Tap {
  /** Whether there are subscribers. Publishers test it first. */
  active = false;
  /** Whether frames or events are needed; publishers of those test it first. */
  framesActive = false;
  frames: FrameSelection = 'none';
  /** Number of periods in which frames were needed: publishers must discard state of an earlier period. */
  epoch = 0;
  /** Bytes of payloads that subscribers need. */
  payloadSize = 0;
  /** Whether compressed messages are needed decompressed. */
  messages = false;
  /** Records of requests; null: they are not needed. */
  records: Records | null = null;
  private sinks: readonly TapSink[] = [];
  /** Short frames that are published at the end of the event loop's turn. */
  private readonly shortFrames = new FrameQueue((row) => this.toSinks(row));
  private count = 0;

  /** An id for a request. */
  nextId(): string {
    this.count++;
    return `${process.pid}-${this.count}`;
  }

  add(sink: TapSink): void {
    this.flush();
    this.sinks = [...this.sinks, sink];
    this.update();
  }

  remove(sink: TapSink): void {
    this.flush();
    sink.close();
    this.sinks = this.sinks.filter((each) => each !== sink);
    this.update();
  }

  /** Called when the needs of a subscriber have changed. */
  update(): void {
    const { sinks } = this;
    this.active = sinks.length > 0;
    this.messages = sinks.some(({ withMessages }) => withMessages);
    if (!sinks.some(({ withRecords }) => withRecords)) this.records = null;
    else this.records ??= new Records();
    this.payloadSize = Math.max(0, ...sinks.map((sink) => sink.payloadSize));
    this.frames = unionOf(sinks.map(({ frames }) => frames));
    const framesActive = this.frames !== 'none';
    if (framesActive && !this.framesActive) this.epoch++;
    if (framesActive !== this.framesActive) tapsWithFrames += framesActive ? 1 : -1;
    this.framesActive = framesActive;
  }

  /** Whether frames of a WebSocket, or events of a stream, are needed. */
  wants(id: string): boolean {
    const { frames } = this;
    return typeof frames === 'string' ? frames === 'all' : frames.has(id);
  }

  publish(row: PublishedRow): void {
    this.flush();
    this.toSinks(row);
  }

  /** Publishes the short frames with which the bytes begin: see `FrameQueue.add`. */
  publishShortFrames(id: string, fromClient: boolean, bytes: Buffer, start: number, end: number): number {
    return this.shortFrames.add(id, fromClient, this.payloadSize, bytes, start, end);
  }

  /** Passes queued frames on. To be called before the settings of a subscriber change. */
  flush(): void {
    this.shortFrames.flush();
  }

  private toSinks(row: PublishedRow): void {
    for (const sink of this.sinks) sink.add(row);
  }
}

function unionOf(selections: readonly FrameSelection[]): FrameSelection {
  if (selections.includes('all')) return 'all';
  const ids = new Set<string>();
  for (const selection of selections) if (typeof selection !== 'string') for (const id of selection) ids.add(id);
  return ids.size === 0 ? 'none' : ids;
}

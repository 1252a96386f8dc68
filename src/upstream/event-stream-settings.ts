/** Settings of event streams, which the module `sse` declares, and the counts of this process. */
import { SettingsKey } from '../program/settings-key.js';
import type { Template } from '../program/template.js';

/** Continuation of streams whose upstream has ended or failed. Times in ms, sizes in bytes. */
export interface ReconnectSettings {
  /** Maximum number of consecutive requests without a new event. */
  readonly attempts: number;
  /** Maximum time without an upstream. */
  readonly time: number;
  /** Maximum size of an event that is held back until it is complete. */
  readonly buffer: number;
  /** Whether streams without ids are continued, too, although events may be lost. */
  readonly withoutIds: boolean;
  /** Whether requests that are not idempotent (POST) are sent again. */
  readonly nonIdempotent: boolean;
}

/** Times in ms. */
export interface EventStreamSettings {
  /** Time of silence after which a comment is sent; 0: never. */
  readonly heartbeat: number;
  /** Reconnection time for clients, sent at the beginning; -1: none. */
  readonly retry: number;
  /** Data of the event that is sent if the upstream fails; null: none is sent. */
  readonly error: Template | null;
  readonly reconnect: ReconnectSettings | null;
}

export const EVENT_STREAMS = new SettingsKey<EventStreamSettings>('event streams', {
  heartbeat: 0,
  retry: -1,
  error: null,
  reconnect: null,
});

/** Counts of the event streams of this process. */
export interface EventStreamCounts {
  /** Open streams. */
  open: number;
  /** Open streams without an upstream, which are being continued. */
  waiting: number;
  /** Events passed to clients. */
  events: number;
  /** Comments inserted. */
  heartbeats: number;
  /** Streams continued with another request. */
  reconnects: number;
  /** Recorder of the ms between two events of a stream; null if they are not recorded. */
  gaps: { observe(ms: number): void } | null;
}

export const eventStreamCounts: EventStreamCounts = {
  open: 0,
  waiting: 0,
  events: 0,
  heartbeats: 0,
  reconnects: 0,
  gaps: null,
};

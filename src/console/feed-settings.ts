/** Settings of a feed. Plain data: they are sent to all workers. */
import type { RedactionSettings } from '../tap/settings.js';
import type { RowKind } from './feed-format.js';

export interface FeedSettings {
  readonly kinds: readonly RowKind[];
  /** Ids of the WebSockets and event streams whose frames and events are sent. */
  readonly frames: 'all' | 'none' | readonly string[];
  /** Payload bytes to include in a row; 0: payloads are hidden. */
  readonly payload: number;
  readonly redaction: RedactionSettings;
}

/**
 * Receives a batch of rows (see `feed-format.ts`), which is valid until the promise has settled; then the next one follows.
 */
export type DeliverBatch = (batch: Uint8Array) => Promise<unknown>;

/** A feed of one process or of several. */
export interface FeedSubscription {
  configure(settings: FeedSettings): void;
  end(): void;
}

/** The other worker processes as sources of rows. */
export interface RowSource {
  subscribe(settings: FeedSettings, deliver: DeliverBatch): FeedSubscription;
}

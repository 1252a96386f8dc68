/**
 * Messages between a master and its workers, next to the messages of zones on the same channel (`processChannel`). Plain
 * data.
 */
import type { FeedSettings } from '../console/feed-settings.js';
import type { Counts } from '../exchange/connection-counts.js';
import type { ListeningAddress } from '../server/binder.js';
import type { TapRow } from '../tap/rows.js';
import type { TapSettings } from '../tap/settings.js';
import type { WorkersJob } from './workers.js';

/** ms between two heartbeats of a worker; the master measures a worker's silence in this unit. */
export const HEARTBEAT_INTERVAL = 1000;

/** From the master. `socket` carries a handle if the bind succeeded. */
export type Command =
  /** Initial settings, and the number of the worker from 0; sent once, before all other commands. */
  | { readonly command: 'begin'; readonly errorLog: string; readonly number: number }
  /** Part of the encoded configuration for the next `prepare`, in order. */
  | { readonly command: 'config'; readonly bytes: Uint8Array; readonly first: boolean }
  /** Perform every step that can fail; answered by `prepared` or `refused`. */
  | { readonly command: 'prepare'; readonly job: Omit<WorkersJob, 'config'> }
  /**
   * Put the prepared configuration in force; answered by `released`, and by `ended` when the previous generation is no
   * longer in use.
   */
  | { readonly command: 'commit' }
  | { readonly command: 'cancel' }
  /** Response to `bind`; `failure` is nginx's message. */
  | { readonly command: 'socket'; readonly key: string; readonly failure: string | null }
  /** Report the current counts; answered by `counts` with the same number. */
  | { readonly command: 'count'; readonly id: number }
  /** Counts of all other workers, including those that have exited; response to `ask-counts`, or an update (`id` 0). */
  | { readonly command: 'others'; readonly id: number; readonly counts: Counts }
  | { readonly command: 'reopen' }
  /** Report rows of the traffic tap in events `tap`; each is answered by `tap-next`, after which another may follow. */
  | { readonly command: 'tap'; readonly id: number; readonly settings: TapSettings }
  | { readonly command: 'tap-next'; readonly id: number }
  | { readonly command: 'untap'; readonly id: number }
  /** Response to `ask`. */
  | { readonly command: 'answer'; readonly id: number; readonly answer: unknown }
  /**
   * Report rows for a viewer of the console in events `rows`, or change their selection; each event is answered by `feed-next`,
   * after which another may follow.
   */
  | { readonly command: 'feed'; readonly id: number; readonly settings: FeedSettings }
  | { readonly command: 'feed-next'; readonly id: number }
  | { readonly command: 'unfeed'; readonly id: number }
  /** Rows of another worker for a viewer of this one; answered by `taken`. */
  | { readonly command: 'watched'; readonly id: number; readonly batch: number; readonly rows: Uint8Array }
  /** Answered by `released`. */
  /** `retired`: a reload has made the worker superfluous; its WebSockets continue. */
  | { readonly command: 'quit'; readonly limit: number; readonly retired: boolean }
  | { readonly command: 'stop' };

/** From a worker. */
export type WorkerEvent =
  /** Heartbeat. */
  | { readonly event: 'alive' }
  /** `prepare` was received; compiling may take a while, during which there are no other events. */
  | { readonly event: 'preparing' }
  | { readonly event: 'prepared'; readonly listening: readonly string[] }
  | { readonly event: 'refused'; readonly reason: string }
  /** The worker has closed all removed listeners: their addresses can be bound again. */
  | { readonly event: 'released' }
  /** The generation before that number is no longer in use. */
  | { readonly event: 'ended'; readonly generation: number }
  | { readonly event: 'bind'; readonly address: ListeningAddress }
  /** Counts of this worker: the response to `count`, or a periodic report (`id` 0). */
  | { readonly event: 'counts'; readonly id: number; readonly counts: Counts }
  /** Request for the counts of the other workers. */
  | { readonly event: 'ask-counts'; readonly id: number }
  /** Question to the process that owns the configuration; answered by `answer` with the same number. */
  | { readonly event: 'ask'; readonly id: number; readonly question: unknown }
  /** Rows of the traffic tap: those of a turn of the event loop, or of the time since the last `tap-next`. */
  | { readonly event: 'tap'; readonly id: number; readonly rows: readonly TapRow[] }
  /** A viewer of the console needs the rows of all other workers, or other ones than before. */
  | { readonly event: 'watch'; readonly id: number; readonly settings: FeedSettings }
  | { readonly event: 'unwatch'; readonly id: number }
  | { readonly event: 'taken'; readonly batch: number }
  | { readonly event: 'rows'; readonly id: number; readonly rows: Uint8Array };

export function isCommand(message: unknown): message is Command {
  return typeof message === 'object' && message !== null && 'command' in message;
}

export function isWorkerEvent(message: unknown): message is WorkerEvent {
  return typeof message === 'object' && message !== null && 'event' in message;
}

/** What a master and its workers say to each other; beside it go the messages of zones (`processChannel`). Plain data. */
import type { Counts } from '../exchange/connection-counts.js';
import type { ListeningAddress } from '../server/binder.js';
import type { WorkersJob } from './workers.js';

/** ms between two heartbeats of a worker; the master counts in it for how long a worker has been silent. */
export const HEARTBEAT_INTERVAL = 1000;

/** From the master. A handle goes with `socket`, where it was bound. */
export type Command =
  /** Be what the first configuration wants: sent once, before all else. */
  | { readonly order: 'begin'; readonly errorLog: string }
  /** A part of the encoded configuration of the next `prepare`, in order. */
  | { readonly order: 'config'; readonly bytes: Uint8Array; readonly first: boolean }
  /** Do all that can fail; answered by `prepared` or `refused`. */
  | { readonly order: 'prepare'; readonly job: Omit<WorkersJob, 'config'> }
  /** Put in force what was prepared; answered by `released`, and by `ended` when nobody uses the generation before. */
  | { readonly order: 'commit' }
  | { readonly order: 'cancel' }
  /** The answer to `bind`; `failure` is nginx's sentence. */
  | { readonly order: 'socket'; readonly key: string; readonly failure: string | null }
  /** Tell what you have counted; answered by `counts` with the same number. */
  | { readonly order: 'count'; readonly id: number }
  /** What the other workers, and those before them, have counted; the answer to `ask-counts`, or news (`id` 0). */
  | { readonly order: 'others'; readonly id: number; readonly counts: Counts }
  | { readonly order: 'reopen' }
  /** Answered by `released`. */
  | { readonly order: 'quit'; readonly limit: number }
  | { readonly order: 'stop' };

/** From a worker. */
export type WorkerEvent =
  /** The heartbeat. */
  | { readonly report: 'alive' }
  /** `prepare` has arrived; compiling may take a while, in which nothing else is reported. */
  | { readonly report: 'preparing' }
  | { readonly report: 'prepared'; readonly listening: readonly string[] }
  | { readonly report: 'refused'; readonly reason: string }
  /** The worker listens nowhere where it is no longer wanted: the address can be bound again. */
  | { readonly report: 'released' }
  /** The generation before that number has no users any more. */
  | { readonly report: 'ended'; readonly generation: number }
  | { readonly report: 'bind'; readonly address: ListeningAddress }
  /** What this worker has counted: as the answer to `count`, or by itself once in a while (`id` 0). */
  | { readonly report: 'counts'; readonly id: number; readonly counts: Counts }
  /** What have the others counted? */
  | { readonly report: 'ask-counts'; readonly id: number };

export function isCommand(message: unknown): message is Command {
  return typeof message === 'object' && message !== null && 'order' in message;
}

export function isWorkerEvent(message: unknown): message is WorkerEvent {
  return typeof message === 'object' && message !== null && 'report' in message;
}

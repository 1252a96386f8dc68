/** What a master and its workers say to each other; beside it go the messages of zones (`processChannel`). Plain data. */
import type { ListeningAddress } from '../server/binder.js';
import type { WorkersJob } from './workers.js';

/** From the master. A handle goes with `socket`, where it was bound. */
export type Order =
  /** Be what the first configuration wants: sent once, before all else. */
  | { readonly order: 'begin'; readonly errorLog: string }
  /** Do all that can fail; answered by `prepared` or `refused`. */
  | { readonly order: 'prepare'; readonly job: WorkersJob }
  /** Put in force what was prepared; answered by `committed`, and by `ended` when nobody uses the generation before. */
  | { readonly order: 'commit' }
  | { readonly order: 'cancel' }
  /** The answer to `bind`; `failure` is nginx's sentence. */
  | { readonly order: 'socket'; readonly key: string; readonly failure: string | null }
  | { readonly order: 'reopen' }
  | { readonly order: 'quit'; readonly limit: number }
  | { readonly order: 'stop' };

/** From a worker. */
export type Report =
  | { readonly report: 'prepared'; readonly listening: readonly string[] }
  | { readonly report: 'refused'; readonly reason: string }
  | { readonly report: 'committed' }
  /** The generation before that number has no users any more. */
  | { readonly report: 'ended'; readonly generation: number }
  | { readonly report: 'bind'; readonly address: ListeningAddress };

export function isOrder(message: unknown): message is Order {
  return typeof message === 'object' && message !== null && 'order' in message;
}

export function isReport(message: unknown): message is Report {
  return typeof message === 'object' && message !== null && 'report' in message;
}

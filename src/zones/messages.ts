/** What a worker and the keeper of its zones say to each other. */

import type { ZoneDeclaration } from '../config/zone-declaration.js';
import { countRequest, takeConnections } from './limits.js';
import type { Operation } from './operation.js';
import { reportPeers, reservePeer } from './peer-states.js';
import { takeOver } from './take-over.js';
import { giveBack } from './tickets.js';

/** From a worker. */
export type Request =
  | { readonly do: 'open'; readonly zone: number; readonly declaration: ZoneDeclaration }
  | { readonly do: 'close'; readonly zone: number }
  /** `id`: the answer is to bear this number; 0: no answer is wanted. */
  | { readonly do: 'run'; readonly id: number; readonly operation: string; readonly question: unknown };

/** To a worker. */
export type Reply =
  | { readonly id: number; readonly answer: unknown }
  | { readonly zone: number; readonly news: unknown };

/** All that is said within one turn of the event loop goes in one message. */
export type Requests = readonly Request[];
export type Replies = readonly Reply[];

const OPERATIONS = new Map<string, Operation<unknown, unknown>>(
  [takeConnections, countRequest, reportPeers, reservePeer, takeOver, giveBack].map((operation) => [
    operation.name,
    // Questions come from a worker that has the same operations: each is what its operation takes.
    operation as unknown as Operation<unknown, unknown>,
  ]),
);

/** The operation of that name. */
export function operationOf(name: string): Operation<unknown, unknown> | undefined {
  return OPERATIONS.get(name);
}

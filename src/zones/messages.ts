/** Messages between a worker and the server of its zones. */

import type { ZoneDeclaration } from '../config/zone-declaration.js';
import { announceFill, endFill, lockEntry, reportFill } from './cache-lock-operations.js';
import {
  accessedEntries,
  confirmEvictions,
  evictEntries,
  followEntries,
  keepEntries,
  listCacheEntries,
  loadEntries,
  loadedEntries,
  measureCache,
  missEntry,
  removedEntry,
  storedEntry,
} from './cache-operations.js';
import { addPurge, completePurge } from './cache-purge-operations.js';
import { admitRequest, reportResults } from './circuit-operations.js';
import {
  addToEntry,
  clearDictionary,
  listEntries,
  loadDictionary,
  measureDictionary,
  readDictionary,
  readEntry,
  storeEntry,
  takeEntry,
} from './dictionary-operations.js';
import { countHealth, forgetHealth, joinHealth, leaveHealth, readHealth } from './health-operations.js';
import { countUsage, readUsage } from './key-limits.js';
import { changeKeyValues, clearKeyValues, loadKeyValues, readKeyValues } from './key-value-operations.js';
import { countRequest, takeConnections } from './limits.js';
import { addMetrics, readMetrics } from './metric-operations.js';
import type { Operation } from './operation.js';
import { reportPeers, reservePeer } from './peer-operations.js';
import { countResolutions, readResolutions } from './resolver-operations.js';
import { readRespawned } from './respawned-operation.js';
import { reportRetries } from './retry-operations.js';
import { changeServers, loadServers, readServers } from './server-list-operations.js';
import { findSession, learnSession } from './sticky-operations.js';
import { takeOver } from './take-over.js';
import { giveBack } from './tickets.js';
import { readUsedMemory } from './usage-operation.js';
import { addValue, findValue } from './value-operations.js';
import { answerWorker, callWorkers } from './worker-call-operations.js';

/** From a worker. */
export type Request =
  | { readonly do: 'open'; readonly zone: number; readonly declaration: ZoneDeclaration }
  | { readonly do: 'close'; readonly zone: number }
  /** `id`: number of the expected answer; 0: no answer is expected. */
  | { readonly do: 'run'; readonly id: number; readonly operation: string; readonly question: unknown };

/** From a worker that waits for the answer. */
export interface BlockingQuestion {
  readonly zone: number;
  readonly declaration: ZoneDeclaration;
  readonly operation: string;
  readonly question: unknown;
}

/** To a worker. */
export type Reply =
  | { readonly id: number; readonly answer: unknown }
  | { readonly zone: number; readonly news: unknown };

/** All messages of one turn of the event loop are sent as one. */
export type Requests = readonly Request[];
export type Replies = readonly Reply[];

const OPERATIONS = new Map<string, Operation<unknown, unknown>>(
  [
    takeConnections,
    countRequest,
    countUsage,
    readUsage,
    reportPeers,
    reservePeer,
    readHealth,
    joinHealth,
    leaveHealth,
    countHealth,
    forgetHealth,
    findValue,
    addValue,
    findSession,
    learnSession,
    admitRequest,
    reportResults,
    reportRetries,
    countResolutions,
    readResolutions,
    readKeyValues,
    loadKeyValues,
    changeKeyValues,
    clearKeyValues,
    readEntry,
    storeEntry,
    addToEntry,
    takeEntry,
    clearDictionary,
    listEntries,
    measureDictionary,
    readDictionary,
    loadDictionary,
    readServers,
    loadServers,
    changeServers,
    addMetrics,
    readMetrics,
    callWorkers,
    answerWorker,
    readUsedMemory,
    readRespawned,
    lockEntry,
    announceFill,
    reportFill,
    endFill,
    missEntry,
    storedEntry,
    removedEntry,
    accessedEntries,
    followEntries,
    keepEntries,
    loadEntries,
    loadedEntries,
    evictEntries,
    confirmEvictions,
    listCacheEntries,
    measureCache,
    addPurge,
    completePurge,
    takeOver,
    giveBack,
  ].map((operation) => [
    operation.name,
    // Questions come from a worker with the same operations: each is of the type that its operation takes.
    operation as unknown as Operation<unknown, unknown>,
  ]),
);

/** Looks up an operation by name. */
export function operationOf(name: string): Operation<unknown, unknown> | undefined {
  return OPERATIONS.get(name);
}

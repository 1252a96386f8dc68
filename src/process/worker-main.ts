/** Entry point of `forkWorker`. */
import { writeSync } from 'node:fs';
import { modules } from '../modules/index.js';
import { writeFunctionRecords } from '../program/last-function.js';
import { RECORD_FD } from './fork-worker.js';
import { returnMemoryAfterPeaks } from './garbage.js';
import { runWorker } from './worker.js';

process.title = 'tsproxy: worker process';
runWorker(modules);
writeFunctionRecords((record) => void writeSync(RECORD_FD, record, 0, record.length, 0));
returnMemoryAfterPeaks();

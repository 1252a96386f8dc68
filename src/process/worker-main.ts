/** What `forkWorker` runs. */
import { modules } from '../modules/index.js';
import { returnMemoryAfterPeaks } from './garbage.js';
import { beWorker } from './worker.js';

process.title = 'tsproxy: worker process';
beWorker(modules);
returnMemoryAfterPeaks();

/** Entry point of `forkWorker`. */
import { modules } from '../modules/index.js';
import { returnMemoryAfterPeaks } from './garbage.js';
import { runWorker } from './worker.js';

process.title = 'tsproxy: worker process';
runWorker(modules);
returnMemoryAfterPeaks();

/** Operations by which workers ask each other. */
import type { Operation } from './operation.js';
import { WorkerCalls } from './worker-calls.js';

/** Asks all other workers; returns the number of answers that follow. */
export const callWorkers: Operation<
  { readonly zone: number; readonly number: number; readonly question: unknown },
  number
> = {
  name: 'workers call',
  fallback: 0,
  run: (owner, { zone, number, question }) => owner.zone(zone, WorkerCalls)?.call(owner, number, question) ?? 0,
};

/** Answers a question. */
export const answerWorker: Operation<{ readonly zone: number; readonly call: number; readonly answer: unknown }, null> =
  {
    name: 'workers answer',
    fallback: null,
    run(owner, { zone, call, answer }) {
      owner.zone(zone, WorkerCalls)?.answer(owner, call, answer);
      return null;
    },
  };

/** A proxy in the current process, for embedding programs. */

import type { Binder } from '../server/binder.js';
import { Instance, type InstanceOptions } from './instance.js';
import { Serving } from './serving.js';

/** Creates it; nothing happens before its start. `binder`: source of its listening sockets. */
export function ownInstance(
  options: Omit<InstanceOptions<Serving>, 'workers' | 'forksWorkers'>,
  binder?: Binder,
): Instance<Serving> {
  const { modules } = options;
  return new Instance({
    ...options,
    workers: (_settings, errorLog, answer) =>
      new Serving({ modules, errorLog, ask: answer, ...(binder !== undefined && { binder }) }),
  });
}

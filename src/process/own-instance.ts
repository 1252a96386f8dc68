/** A proxy in the current process, for embedding programs. */
import { Instance, type InstanceOptions } from './instance.js';
import { Serving } from './serving.js';

/** Creates it; nothing happens before its start. */
export function ownInstance(options: Omit<InstanceOptions<Serving>, 'workers' | 'forksWorkers'>): Instance<Serving> {
  const { modules } = options;
  return new Instance({ ...options, workers: (_settings, errorLog) => new Serving({ modules, errorLog }) });
}

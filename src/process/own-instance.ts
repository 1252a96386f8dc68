/** A proxy in this very process, for programs that embed it. */
import { Instance, type InstanceOptions } from './instance.js';
import { Serving } from './serving.js';

/** Makes one; nothing happens before its start. */
export function ownInstance(options: Omit<InstanceOptions<Serving>, 'workers' | 'forksWorkers'>): Instance<Serving> {
  const { modules } = options;
  return new Instance({ ...options, workers: (_settings, errorLog) => new Serving({ modules, errorLog }) });
}

/** Number of this process among the workers. */

let number = 0;

/** From 0 to one less than `worker_processes`; 0 if this process is the only one. nginx: ngx_worker. */
export function workerNumber(): number {
  return number;
}

export function setWorkerNumber(assigned: number): void {
  number = assigned;
}

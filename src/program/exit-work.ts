/** Work that outlives a configuration and is completed before the process exits, such as sending the last records. */

const unfinished = new Set<Promise<void>>();

/** Registers work. The promise must not be rejected. */
export function completeBeforeExit(work: Promise<void>): void {
  unfinished.add(work);
  void work.finally(() => unfinished.delete(work));
}

/** Whether there is work to wait for. */
export function hasExitWork(): boolean {
  return unfinished.size > 0;
}

/** Waits for the registered work, at most `limit` ms. */
export async function exitWork(limit: number): Promise<void> {
  if (unfinished.size === 0) return;
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limit);
  });
  await Promise.race([Promise.all(unfinished), timeout]);
  clearTimeout(timer);
}

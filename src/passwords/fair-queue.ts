/** Queue that serves clients in turn, so that one client with many entries does not delay those of others. */
export class FairQueue<T> {
  /** Entries by client, each list in the order of arrival; the client whose turn it is comes first. */
  private readonly clients = new Map<string, T[]>();
  private count = 0;

  /** `max`: entries of all clients; `maxPerClient`: of one. */
  constructor(
    private readonly max: number,
    private readonly maxPerClient: number,
  ) {}

  get length(): number {
    return this.count;
  }

  /** Adds an entry; returns false if there is no space for it. */
  push(client: string, entry: T): boolean {
    const entries = this.clients.get(client);
    if (this.count >= this.max || (entries?.length ?? 0) >= this.maxPerClient) return false;
    if (entries === undefined) this.clients.set(client, [entry]);
    else entries.push(entry);
    this.count++;
    return true;
  }

  /** Removes the first entry of the client whose turn it is, which is the last one afterwards; null if the queue is empty. */
  shift(): T | null {
    for (const [client, entries] of this.clients) {
      const entry = entries.shift();
      this.clients.delete(client);
      if (entry === undefined) continue;
      if (entries.length > 0) this.clients.set(client, entries);
      this.count--;
      return entry;
    }
    return null;
  }

  /** Removes and returns the entries that satisfy the condition. */
  removeWhere(condition: (entry: T) => boolean): T[] {
    const removed: T[] = [];
    for (const [client, entries] of this.clients) {
      const found = entries.filter(condition);
      if (found.length === 0) continue;
      removed.push(...found);
      const rest = entries.filter((entry) => !found.includes(entry));
      if (rest.length > 0) this.clients.set(client, rest);
      else this.clients.delete(client);
    }
    this.count -= removed.length;
    return removed;
  }
}

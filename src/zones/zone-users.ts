/** Users of a zone that are notified of changes: each handle of each process, in the order in which they were opened. */

/** A process that has a zone open. */
export interface NotifiedUser {
  notify(zone: number, news: unknown): void;
}

export class ZoneUsers<N> {
  /** Handles by process; each set is in the order of opening. */
  private readonly handles = new Map<NotifiedUser, Set<number>>();

  add(user: NotifiedUser, zone: number): void {
    const open = this.handles.get(user);
    if (open === undefined) this.handles.set(user, new Set([zone]));
    else open.add(zone);
  }

  /** Returns whether the process has no further handle. */
  delete(user: NotifiedUser, zone: number): boolean {
    const open = this.handles.get(user);
    if (open === undefined || !open.delete(zone) || open.size > 0) return false;
    this.handles.delete(user);
    return true;
  }

  /** Notifies every handle: each belongs to a table, which has objects of its own. */
  notifyAll(news: N): void {
    for (const user of this.handles.keys()) this.notifyEach(user, news);
  }

  /** Notifies every handle except one. */
  notifyOthers(user: NotifiedUser, zone: number, news: N): void {
    for (const [each, handles] of this.handles) {
      for (const handle of handles) if (each !== user || handle !== zone) each.notify(handle, news);
    }
  }

  /** Notifies every handle of a process. */
  notifyEach(user: NotifiedUser, news: N): void {
    for (const zone of this.handles.get(user) ?? []) user.notify(zone, news);
  }

  /** Notifies the latest handle of a process. */
  notify(user: NotifiedUser, news: N): void {
    const latest = [...(this.handles.get(user) ?? [])].at(-1);
    if (latest !== undefined) user.notify(latest, news);
  }

  /** The processes. */
  get processes(): readonly NotifiedUser[] {
    return [...this.handles.keys()];
  }
}

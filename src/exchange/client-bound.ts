/** Connections that belong to one client's connection, and close with it: those to upstreams with a PROXY protocol header. */

export interface ClientBound {
  /** The client's connection is closed. */
  clientClosed(): void;
}

/** By the number of the client's connection. */
const bound = new Map<number, Set<ClientBound>>();

/** `each` is notified when the client's connection is closed. */
export function bindToClient(id: number, each: ClientBound): void {
  const others = bound.get(id);
  if (others === undefined) bound.set(id, new Set([each]));
  else others.add(each);
}

export function unbindFromClient(id: number, each: ClientBound): void {
  const others = bound.get(id);
  if (others?.delete(each) === true && others.size === 0) bound.delete(id);
}

/** Called by the client's connection when it is closed. */
export function notifyClientClosed(id: number): void {
  if (bound.size === 0) return;
  const all = bound.get(id);
  bound.delete(id);
  if (all !== undefined) for (const each of all) each.clientClosed();
}

/** `so_keepalive`: probes of the kernel on idle connections (SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT). */
import { readFileSync } from 'node:fs';
import type net from 'node:net';
import type { TcpKeepalive } from '../routing/listeners.js';

/** Node's handle of a listening socket. `interval` and `count` are parameters since Node 24; before, they are 1 s and 10. */
interface Handle {
  setKeepAlive?(on: boolean, idle: number, interval: number, count: number): number;
}

/**
 * Sets the options on a listening socket, from which accepted connections inherit them, so that none needs a call of its own.
 * Null leaves the socket unchanged.
 */
export function setKeepalive(server: net.Server, keepalive: TcpKeepalive | null): void {
  const { _handle: handle } = server as unknown as { readonly _handle?: Handle | null };
  if (keepalive === null) return;
  if (keepalive === 'off') handle?.setKeepAlive?.(false, 0, 0, 0);
  // The idle time 0 is refused after SO_KEEPALIVE has been set, so that the others remain those of the system.
  else if (keepalive === 'on') handle?.setKeepAlive?.(true, 0, 0, 0);
  else {
    const { idle, interval, count } = keepalive;
    handle?.setKeepAlive?.(
      true,
      idle || ofSystem('time', 7200),
      interval || ofSystem('intvl', 75),
      count || ofSystem('probes', 9),
    );
  }
}

/** The system's value, for one that the configuration leaves out. */
function ofSystem(name: 'time' | 'intvl' | 'probes', usual: number): number {
  try {
    return Number(readFileSync(`/proc/sys/net/ipv4/tcp_keepalive_${name}`, 'latin1')) || usual;
  } catch {
    return usual;
  }
}

/** Ports of other processes. */
import { connect } from 'node:net';
import { until } from './proxy.js';

/** Waits until a port accepts connections, or the process that would listen on it has ended. */
export async function untilAccepting(port: number, hasEnded: () => boolean): Promise<void> {
  let isAccepting = false;
  let isWaiting = true;
  const probe = (): void => {
    if (!isWaiting) return;
    const connection = connect(port, '127.0.0.1');
    connection.on('connect', () => {
      isAccepting = true;
      connection.destroy();
    });
    connection.on('error', () => setTimeout(probe, 20));
  };
  probe();
  try {
    await until(`port ${port} accepts connections`, () => isAccepting || hasEnded());
  } finally {
    isWaiting = false;
  }
}

/** The way between a worker and the home of its zones. */

/** One end of it. Messages are plain data, arrive in the order in which they were posted, or not at all. */
export interface ZoneChannel {
  /** Throws, or does nothing, where the other end is gone. */
  post(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
  /** Called once when the other end is gone. */
  onClose(listener: () => void): void;
}

/** What `process.send` and messages have in common in a child process and its parent. */
interface Correspondent {
  readonly connected?: boolean;
  send?(message: unknown, done: (error: Error | null) => void): unknown;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'disconnect', listener: () => void): unknown;
}

interface Envelope {
  readonly zones: unknown;
}

/**
 * By way of a child process's IPC: `process` on one end, the ChildProcess on the other. What else they say to each other is
 * left alone.
 */
export function processChannel(correspondent: Correspondent): ZoneChannel {
  return {
    post(message) {
      if (correspondent.connected !== true) return;
      const envelope: Envelope = { zones: message };
      // Where it fails the other end is gone, and the channel closes.
      correspondent.send?.(envelope, () => {});
    },
    onMessage(listener) {
      correspondent.on('message', (message) => {
        if (typeof message === 'object' && message !== null && 'zones' in message) listener(message.zones);
      });
    },
    onClose(listener) {
      correspondent.on('disconnect', listener);
    },
  };
}

/** What both ends of a `MessageChannel` and a `Worker` with its `parentPort` are. */
interface Port {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'close' | 'exit', listener: () => void): unknown;
}

/** By way of a MessagePort, or a worker thread. */
export function portChannel(port: Port): ZoneChannel {
  return {
    post: (message) => port.postMessage(message),
    onMessage: (listener) => void port.on('message', listener),
    onClose(listener) {
      let closed = false;
      const once = (): void => {
        if (!closed) listener();
        closed = true;
      };
      port.on('close', once);
      port.on('exit', once);
    },
  };
}

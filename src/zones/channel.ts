/** Message channel between a worker and the backend of its zones. */

/** One end of it. Messages are plain data and arrive in order, or not at all. */
export interface ZoneChannel {
  /** Throws, or does nothing, if the other end is gone. */
  post(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
  /** Called once when the other end is gone. */
  onClose(listener: () => void): void;
}

/** Common subset of `process` and ChildProcess as ends of an IPC channel. */
interface IpcEndpoint {
  readonly connected?: boolean;
  send?(message: unknown, done: (error: Error | null) => void): unknown;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'disconnect', listener: () => void): unknown;
}

interface Envelope {
  readonly zones: unknown;
}

/**
 * Channel over a child process's IPC: `process` at one end, the ChildProcess at the other. Other messages on it are ignored.
 */
export function processChannel(correspondent: IpcEndpoint): ZoneChannel {
  return {
    post(message) {
      if (correspondent.connected !== true) return;
      const envelope: Envelope = { zones: message };
      // If sending fails the other end is gone, and the channel closes.
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

/** Common subset of the two ends of a `MessageChannel`, and of a `Worker` and its `parentPort`. */
interface Port {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'close' | 'exit', listener: () => void): unknown;
}

/** Channel over a MessagePort or a worker thread. */
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

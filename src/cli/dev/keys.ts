/** Single keys of a terminal in raw mode. */

/** Actions by key. */
export type KeyActions = Readonly<Record<string, () => void>>;

const CTRL_C = '\x03';
const CTRL_D = '\x04';

/** Escape sequences, such as those of arrow keys. */
const ESCAPE_SEQUENCE = /\x1b(?:\[[\x20-\x3f]*[\x40-\x7e]|O.)?/g;
/** Maximum number of keys that arrive together; more is pasted text, whose characters are not commands. */
const MAX_KEYS = 4;

/**
 * Calls the action of each pressed key until the returned function is called; it restores the terminal. Does nothing if
 * standard input is not a terminal. Ctrl-C and Ctrl-D call `quit`, the end of the terminal calls `hangUp`.
 */
export function readKeys(actions: KeyActions, quit: () => void, hangUp: () => void): () => void {
  const { stdin } = process;
  if (!stdin.isTTY) return () => {};
  const pressed = (keys: string): void => {
    if (keys.includes(CTRL_C) || keys.includes(CTRL_D)) {
      quit();
      return;
    }
    const known = keys.replace(ESCAPE_SEQUENCE, '');
    if (known.length <= MAX_KEYS) for (const key of known) if (Object.hasOwn(actions, key)) actions[key]?.();
  };
  const restore = (): void => {
    stdin.off('data', pressed);
    stdin.off('end', hangUp);
    stdin.off('error', hangUp);
    // A terminal that was closed has no mode to restore.
    stdin.on('error', () => {});
    process.off('exit', restore);
    if (!stdin.destroyed) {
      stdin.setRawMode(false);
      stdin.pause();
    }
  };
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  stdin.on('data', pressed);
  // The terminal was closed.
  stdin.on('end', hangUp);
  stdin.on('error', hangUp);
  stdin.resume();
  // Also after an exception.
  process.on('exit', restore);
  return restore;
}

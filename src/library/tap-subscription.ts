/** Options and listeners of the traffic tap, as subscriptions of an instance. */
import { translate } from '../config/pcre/translate.js';
import type { PatternData } from '../config/template.js';
import { toBytes } from '../diagnostics/byte-string.js';
import { CREDENTIALS } from '../tap/credentials.js';
import type { TapSubscriber } from '../tap/feed.js';
import { parseJsonPath } from '../tap/json-path.js';
import type { TapKind, TapRow } from '../tap/rows.js';
import type { TapSettings } from '../tap/settings.js';
import type { TapListener, TapOptions, TapSubscription } from './tap.js';

const KINDS: readonly TapKind[] = ['http', 'websocket', 'sse'];

/** Largest payload that is given, bytes. */
const MAX_PAYLOAD = 1 << 20;
const MAX_QUEUE = 100_000;

/** Throws TypeError if an option is invalid. */
export function tapSettings({ kinds = KINDS, payload = 1024, queue = 1000, redact = {} }: TapOptions): TapSettings {
  for (const kind of kinds) if (!KINDS.includes(kind)) throw new TypeError(`unknown kind of rows "${kind}"`);
  const { fields = [], jsonPaths = [], patterns = [] } = redact;
  return {
    kinds: [...kinds],
    payload: inRange('payload', payload, 0, MAX_PAYLOAD),
    queue: inRange('queue', queue, 1, MAX_QUEUE),
    redaction: {
      fields: [...CREDENTIALS, ...fields.map((name) => toBytes(name.toLowerCase()))],
      jsonPaths: jsonPaths.map((text) => {
        const path = parseJsonPath(text);
        if (path === null) throw new TypeError(`invalid JSON path "${text}"`);
        return path;
      }),
      patterns: patterns.map(patternOf),
    },
  };
}

function inRange(name: string, value: number, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new TypeError(`"${name}" must be an integer between ${min} and ${max}`);
  }
  return value;
}

function patternOf(text: string): PatternData {
  const result = translate(toBytes(text), false);
  if ('mistake' in result) throw new TypeError(`invalid regular expression "${text}": ${result.mistake.message}`);
  return result.pattern;
}

/** Subscribes a listener. `failed` is called with an exception of the listener, which ends the subscription. */
export function subscribeListener(
  settings: TapSettings,
  listener: TapListener,
  subscribe: (subscriber: TapSubscriber) => () => void,
  failed: (error: unknown) => void,
): TapSubscription {
  let dropped = 0;
  let closed = false;
  let end = (): void => {};
  const close = (): void => {
    closed = true;
    end();
  };
  // Batches of several processes are passed on one after the other.
  let queue: Promise<void> = Promise.resolve();
  const pass = async (rows: readonly TapRow[]): Promise<void> => {
    if (closed) return;
    for (const row of rows) if (row.type === 'dropped') dropped += row.count;
    try {
      await listener(rows);
    } catch (error) {
      close();
      failed(error);
    }
  };
  end = subscribe({
    settings,
    deliver: (rows) => {
      queue = queue.then(() => pass(rows));
      return queue;
    },
  });
  return {
    get dropped() {
      return dropped;
    },
    close,
  };
}

/** Sources of the keys of a location: files, and subrequests to an identity provider. */
import { errnoText } from '../../diagnostics/errno.js';
import { nativePath } from '../../files/native-path.js';
import { ParsedFiles } from '../../files/parsed-files.js';
import { callbackTime } from '../../http/clock.js';
import type { Chunk } from '../../program/body.js';
import { logError } from '../../program/error-context.js';
import type { Exchange, Subrequest, SubrequestSink } from '../../program/exchange.js';
import type { Template } from '../../program/template.js';
import { type KeySet, KeySetError, parseKeySet } from './key-set.js';

/** Bytes of a key set that is fetched. */
const MAX_FETCHED_LENGTH = 1 << 20;

/** Content of a key file. */
interface KeyFileContent {
  /** Null if no valid content was read yet. */
  readonly keys: KeySet | null;
  /** Error of the current content, while that of a previous one stays in force. */
  readonly error: KeySetError | null;
  reported: boolean;
}

function parseKeyFile(text: string, previous: KeyFileContent | null): KeyFileContent {
  const parsed = parseKeySet(text);
  if (parsed instanceof KeySetError) return { keys: previous?.keys ?? null, error: parsed, reported: false };
  return { keys: parsed, error: null, reported: false };
}

const files = new ParsedFiles<KeyFileContent>(parseKeyFile);

/** A source; null (or a promise of it) means that the keys are not available, which has been logged. */
export interface KeySource {
  keys(x: Exchange): KeySet | null | Promise<KeySet | null>;
}

/** Reads a key file without the cache; throws `KeySetError`, or an error with nginx's message. */
export function readKeyFile(path: string): KeySet {
  const { keys, error } = contentOf(path, new ParsedFiles<KeyFileContent>(parseKeyFile));
  if (keys === null) throw error ?? new Error(`no keys in "${path}"`);
  return keys;
}

function contentOf(path: string, from: ParsedFiles<KeyFileContent>): KeyFileContent {
  try {
    return from.get(nativePath(path));
  } catch (error) {
    throw new Error(`open() "${path}" failed (${errnoText(error)})`);
  }
}

/** Sentence about an invalid key set, with its place. */
export function keyFileMessage(path: string, error: unknown): string {
  if (error instanceof KeySetError) return `invalid key set in ${path}:${error.line}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}

/** `auth_jwt_key_file`. */
export class KeyFile implements KeySource {
  constructor(
    private readonly path: Template,
    private readonly directory: string,
  ) {}

  keys(x: Exchange): KeySet | null {
    const relative = this.path.of(x);
    const path = relative.startsWith('/') ? relative : this.directory + relative;
    try {
      const content = contentOf(path, files);
      if (content.error !== null && !(content.reported && content.keys !== null)) {
        content.reported = true;
        logError(x, 'crit', keyFileMessage(path, content.error));
      }
      return content.keys;
    } catch (error) {
      logError(x, 'crit', keyFileMessage(path, error));
      return null;
    }
  }
}

/** Result of a subrequest that ended with its request before the keys had arrived. */
const ABANDONED = Symbol('abandoned');
type Fetched = KeySet | null | typeof ABANDONED;

/** `auth_jwt_key_request`. */
export class KeyRequest implements KeySource {
  private cached: KeySet | null = null;
  private expires = 0;
  private fetching: Promise<Fetched> | null = null;

  constructor(
    private readonly uri: string,
    /** `auth_jwt_key_cache`, ms. */
    private readonly cacheTime: number,
  ) {}

  keys(x: Exchange): KeySet | null | Promise<KeySet | null> {
    if (this.cached !== null && callbackTime() < this.expires) return this.cached;
    return this.cacheTime === 0 ? fetchKeys(x, this.uri).then(unlessAbandoned) : this.refresh(x);
  }

  /** Fetches the keys once for all requests that need them meanwhile. */
  private async refresh(x: Exchange): Promise<KeySet | null> {
    for (;;) {
      const own = this.fetching === null;
      this.fetching ??= fetchKeys(x, this.uri);
      const fetched = await this.fetching;
      if (own) {
        this.fetching = null;
        if (fetched !== ABANDONED && fetched !== null) {
          this.cached = fetched;
          this.expires = callbackTime() + this.cacheTime;
        }
      }
      if (fetched !== ABANDONED) return fetched;
      if (x.finished) return null;
    }
  }
}

function unlessAbandoned(fetched: Fetched): KeySet | null {
  return fetched === ABANDONED ? null : fetched;
}

function fetchKeys(x: Exchange, uri: string): Promise<Fetched> {
  return new Promise((resolve) => {
    const sink = new KeySetSink(x, uri, resolve);
    x.onFinish(sink);
    if (x.subrequest(uri, '', { sink }) === null) resolve(null);
  });
}

/** Collects the body of a key set. */
class KeySetSink implements SubrequestSink {
  private readonly chunks: Buffer[] = [];
  private length = 0;

  constructor(
    private readonly x: Exchange,
    private readonly uri: string,
    private readonly resolve: (fetched: Fetched) => void,
  ) {}

  chunk(chunk: Chunk): boolean {
    this.length += chunk.length;
    if (this.length <= MAX_FETCHED_LENGTH) {
      this.chunks.push(typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : Buffer.from(chunk));
    }
    return true;
  }

  done({ status, exchange }: Subrequest): void {
    if (status !== 200 || !exchange.completed) {
      this.fail(`unexpected status of key request "${this.uri}": ${status}`);
    } else if (this.length > MAX_FETCHED_LENGTH) {
      this.fail(`key set of "${this.uri}" is longer than ${MAX_FETCHED_LENGTH} bytes`);
    } else {
      const keys = parseKeySet(Buffer.concat(this.chunks).latin1Slice());
      if (keys instanceof KeySetError) this.fail(keyFileMessage(this.uri, keys));
      else this.resolve(keys);
    }
  }

  /** The request has ended. */
  release(): void {
    this.resolve(ABANDONED);
  }

  private fail(message: string): void {
    logError(this.x, 'error', message);
    this.resolve(null);
  }
}

/** Runs Debian's nginx and tsproxy side by side with one configuration, and puts the same bytes to both. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  answeringBackend,
  answerLength,
  type Backend,
  type BackendConnection,
  closedPort,
  complete,
  connect,
  type ReceivedRequest,
  startProxy,
} from '../kit/index.js';
import { startNginx, stopNginx } from './nginx.js';

/** One thing that is put to both. */
export interface OracleCase {
  /** A fact, or what is asked. */
  readonly name: string;
  /** The bytes. */
  readonly send: string;
  /** Why the answers differ, where that is known and meant. The case fails when they no longer do. */
  readonly known?: string;
  /** Fields (lower case) that are not compared. */
  readonly ignore?: readonly string[];
}

/** Cases that share a configuration. */
export interface OracleGroup {
  readonly name: string;
  /**
   * Content of `http`. `%%PORT%%` is the port to listen on, `%%ROOT%%` the directory of the files, `%%BACKEND%%` the port of
   * the back end, `%%CLOSED%%` a port without a listener.
   */
  readonly config: string;
  /** Below `%%ROOT%%`, by relative path; `-> x` makes a link, a path that ends in a slash a directory. */
  readonly files?: Readonly<Record<string, string>>;
  /** Responses of the back end. */
  readonly backend?: (request: ReceivedRequest, connection: BackendConnection) => string;
  readonly cases: readonly OracleCase[];
}

/** One side's results for a case. */
export interface Reaction {
  /** The answers, up to the end of the connection or to the one to a last, harmless request. */
  readonly answers: readonly string[];
  /** The heads and bodies that reached the back end. */
  readonly forwarded: readonly string[];
}

/** Results common to both sides. */
export interface Both<T> {
  readonly nginx: T;
  readonly tsproxy: T;
}

/** Both sides, running. */
interface Sides {
  readonly ask: (bytes: string) => Promise<Both<Reaction>>;
  /** Files below each side's `%%DIR%%`. */
  readonly read: (path: string) => Both<string>;
  /** Where each listens. */
  readonly ports: Both<number>;
}

export interface Oracle extends Sides {
  close(): Promise<void>;
}

/** The date of all files, so that both sides have seen the same. Seconds since 1970. */
const MODIFIED = 1700000000;

function writeFiles(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    const full = join(root, path);
    const link = /^-> (.*)$/.exec(content)?.[1];
    if (path.endsWith('/')) mkdirSync(full, { recursive: true });
    else {
      mkdirSync(dirname(full), { recursive: true });
      if (link !== undefined) {
        symlinkSync(link, full);
        continue;
      }
      writeFileSync(Buffer.from(full, 'latin1'), content, 'latin1');
    }
    utimesSync(Buffer.from(full, 'latin1'), MODIFIED, MODIFIED);
  }
  // A directory changes with each file in it.
  for (const path of Object.keys(files)) {
    for (let at = dirname(path); at !== '.' && at !== '/'; at = dirname(at))
      utimesSync(join(root, at), MODIFIED, MODIFIED);
  }
}

/** Sends the bytes of a case to a port, and returns the answers. */
export type React = (port: number, bytes: string) => Promise<string[]>;

/** Starts both for a group. Where one of them does not start, nothing is left of the other. */
export async function startOracle(group: OracleGroup, react: React = reactHttp1): Promise<Oracle> {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-oracle-'));
  const endings: (() => void | Promise<void>)[] = [() => rmSync(directory, { recursive: true, force: true })];
  const close = async () => {
    for (const end of endings.splice(0).reverse()) await end();
  };
  try {
    return { ...(await startSides(group, react, directory, endings)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Starts the back end and both sides; puts how to end each to `endings`. */
async function startSides(
  group: OracleGroup,
  react: React,
  directory: string,
  endings: (() => void | Promise<void>)[],
): Promise<Sides> {
  const root = join(directory, 'root');
  mkdirSync(root);
  writeFiles(root, group.files ?? {});
  const received: string[] = [];
  const backend: Backend = await answeringBackend((request, connection) => {
    received.push(request.head + request.body);
    return group.backend?.(request, connection) ?? '';
  });
  endings.push(() => backend.close());
  const closed = await closedPort();
  const port = await closedPort();
  const replacements = { ROOT: root, BACKEND: backend.port, CLOSED: closed };
  const nginx = await startNginx(directory, complete(group.config, { ...replacements, PORT: port, DIR: root }), port);
  endings.push(() => stopNginx(nginx));
  const proxy = await startProxy(group.config, { ...replacements, PORT: 0 });
  endings.push(() => proxy.close());

  async function side(target: number, bytes: string): Promise<Reaction> {
    received.length = 0;
    const answers = (await react(target, bytes)).map((raw) => raw.replaceAll(`:${target}`, ':PORT'));
    return { answers, forwarded: received.splice(0).map((text) => text.replaceAll(`:${target}`, ':PORT')) };
  }
  const read = (path: string) => (existsSync(path) ? readFileSync(path, 'latin1') : '');
  return {
    ask: async (bytes) => ({ nginx: await side(port, bytes), tsproxy: await side(proxy.port, bytes) }),
    read: (path) => ({ nginx: read(join(root, path)), tsproxy: proxy.file(path) }),
    ports: { nginx: port, tsproxy: proxy.port },
  };
}

/** Asked last: an answer to it shows that the connection was kept. */
const PROBE = 'GET /probe HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n';

/** Sends the bytes, reads the answer, asks once more on the same connection, and reads to the end. */
async function reactHttp1(port: number, bytes: string): Promise<string[]> {
  const connection = await connect(port);
  const { reader } = connection;
  const method = /^\S*/.exec(bytes)?.[0] ?? '';
  const measure = (pending: string) =>
    pending.startsWith('HTTP/') ? answerLength(pending, method, reader.ended) : undefined;
  try {
    connection.send(bytes);
    const answers = [await reader.take('an answer', measure, 'take')];
    if (!reader.ended) connection.send(PROBE);
    let rest = await reader.all();
    while (rest !== '') {
      const length = answerLength(rest, 'GET', true) ?? rest.length;
      answers.push(rest.slice(0, length));
      rest = rest.slice(length);
    }
    return answers;
  } finally {
    connection.close();
  }
}

/** A proxy for one test: an inline configuration, a directory of its own, and free ports. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Change, LogEntry, Module, ReverseProxy } from '../../src/library/proxy.js';
import { READ_TIMEOUT } from './connection.js';

/** Options of a test's proxy. */
export interface TestProxyOptions {
  /** Files to write below the proxy's prefix before it starts, by relative path. Contents are bytes. */
  readonly files?: Readonly<Record<string, string>>;
  /** Modules in addition to the built-in ones. */
  readonly modules?: readonly Module[];
}

/** Values for `%%NAME%%` in a configuration text. */
export type Replacements = Readonly<Record<string, string | number>>;

/** A running proxy; its prefix is a temporary directory that is removed on close. */
export class TestProxy {
  /** Entries of the default error log, all levels. */
  readonly entries: LogEntry[] = [];

  constructor(
    readonly proxy: ReverseProxy,
    /** The prefix, without a slash at its end. */
    readonly directory: string,
  ) {}

  /** The port of the first listening address. */
  get port(): number {
    return this.portOf('');
  }

  /**
   * Port of the first listening address that starts with `host` (`127.0.0.2`): listen on different loopback addresses for
   * several.
   */
  portOf(host: string): number {
    const address = this.proxy.addresses.find((each) => each.startsWith(host) && !each.startsWith('unix:'));
    if (address === undefined) throw new Error(`no listener at ${host || 'all'}: ${this.proxy.addresses.join(', ')}`);
    return Number(address.slice(address.lastIndexOf(':') + 1));
  }

  /** The messages of the error log, at one level or all. */
  messages(level?: LogEntry['level']): string[] {
    return this.entries.filter((entry) => level === undefined || entry.level === level).map((entry) => entry.message);
  }

  /** A file below the prefix; empty if there is none. */
  file(path: string): string {
    const full = join(this.directory, path);
    return existsSync(full) ? readFileSync(full, 'latin1') : '';
  }

  /** The lines of an access log. */
  accessLog(path = 'logs/access.log'): string[] {
    return this.file(path).split('\n').slice(0, -1);
  }

  /** Replaces the configuration. */
  reload(text: string, replacements: Replacements = {}): Promise<Change> {
    return this.proxy.reload({ config: complete(text, { ...replacements, DIR: this.directory }) });
  }

  /** Stops the proxy and removes its directory. */
  async close(): Promise<void> {
    await this.proxy.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/**
 * Starts a proxy from a configuration text. `%%NAME%%` is replaced by `replacements.NAME`, `%%DIR%%` by the prefix. A text
 * without an `http` block is wrapped in one. Listen on `127.0.0.1:0` and read `proxy.port`.
 */
export async function startProxy(
  text: string,
  replacements: Replacements = {},
  options: TestProxyOptions = {},
): Promise<TestProxy> {
  // Loaded where it is needed: files that test processes, or functions, start earlier without it.
  const { createProxy } = await import('../../src/library/proxy.js');
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-test-'));
  mkdirSync(join(directory, 'logs'));
  for (const [path, content] of Object.entries(options.files ?? {})) {
    const full = join(directory, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, content, 'latin1');
  }
  try {
    const proxy = createProxy({
      config: complete(text, { ...replacements, DIR: directory }),
      prefix: directory,
      errorLog: (entry) => test.entries.push(entry),
      ...(options.modules && { modules: options.modules }),
    });
    const test = new TestProxy(proxy, directory);
    await proxy.start();
    return test;
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}

/** Replaces the placeholders and adds missing outer blocks. */
export function complete(text: string, replacements: Replacements): string {
  const filled = text.replace(/%%(\w+)%%/g, (whole, name: string) => {
    const value = replacements[name];
    if (value === undefined) throw new Error(`no replacement for ${whole}`);
    return String(value);
  });
  return /(^|[\s;}])http\s*\{/.test(filled) ? filled : `events {}\nhttp {\n${filled}\n}\n`;
}

/** Waits until `condition` holds: for effects that follow the bytes a client receives (a log line, a counter). */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = Date.now() + READ_TIMEOUT;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited ${READ_TIMEOUT} ms until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The server that `tsproxy init` writes a configuration for, as options and answers describe it. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { type CertificatePaths, checkKey } from '../forward/plan.js';
import { type ServerTarget, targetOf } from '../forward/target.js';
import { certificateName } from '../local-ca/permitted-names.js';
import { UsageError } from '../usage-error.js';

/** Options as commander gives them. */
export interface InitOptions {
  readonly upstream?: readonly string[];
  readonly websocket?: true;
  readonly sse?: true;
  readonly static?: string;
  readonly spa?: true;
  readonly port?: string;
  readonly public?: true;
  readonly name?: readonly string[];
  readonly tls?: true;
  readonly cert?: string;
  readonly key?: string;
  readonly output: string;
  readonly force?: true;
  readonly yes?: true;
}

export interface InitPlan {
  /** All with the same scheme; empty for none. */
  readonly servers: readonly ServerTarget[];
  readonly websocket: boolean;
  readonly eventStream: boolean;
  /** Absolute path of the directory of files; null for none. */
  readonly directory: string | null;
  readonly singlePage: boolean;
  readonly port: number;
  /** Whether other machines can connect. */
  readonly isPublic: boolean;
  readonly names: readonly string[];
  readonly tls: 'local' | CertificatePaths | null;
}

/** Checks the options. Throws usage errors. */
export function initPlanOf(options: InitOptions): InitPlan {
  const { upstream = [], name = [], cert, key } = options;
  if (upstream.length === 0 && options.static === undefined) {
    throw new UsageError('nothing to serve', 'Give --upstream, --static, or both; on a terminal, you are asked.');
  }
  checkKey(options);
  const tls =
    cert !== undefined && key !== undefined
      ? { certificate: fileOf(cert), key: fileOf(key) }
      : options.tls === true
        ? 'local'
        : null;
  const servers = upstream.map(serverOf);
  if (new Set(servers.map(({ scheme }) => scheme)).size > 1) {
    throw new UsageError('all servers need the same scheme', 'Give all of them with https://, or none.');
  }
  return {
    servers,
    websocket: options.websocket === true || upstream.some((each) => /^wss?:/i.test(each)),
    eventStream: options.sse === true,
    directory: options.static === undefined ? null : directoryOf(options.static),
    singlePage: options.spa === true,
    port: options.port === undefined ? (tls === null ? 8080 : 8443) : portOf(options.port),
    isPublic: options.public === true,
    names: name.map(nameOf),
    tls,
  };
}

/** A server without a path: locations decide about paths. */
export function serverOf(word: string): ServerTarget {
  const target = targetOf(word);
  if (target.kind === 'directory') throw new UsageError(`"${word}" is a directory`, 'Files are served with --static.');
  if (target.path !== null && target.path !== '/') {
    throw new UsageError(`"${word}" has a path`, 'Add the path to proxy_pass in the written file.');
  }
  return { ...target, path: null };
}

export function directoryOf(word: string): string {
  const target = targetOf(/^(?:[./~]|$)/.test(word) ? word : `./${word}`);
  if (target.kind !== 'directory') throw new UsageError(`"${word}" is not a directory`);
  return target.path === '/' ? '/' : target.path.slice(0, -1);
}

export function portOf(word: string): number {
  const port = /^\d{1,5}$/.test(word) ? Number(word) : 0;
  if (port < 1 || port > 65535) throw new UsageError(`invalid port "${word}"`);
  return port;
}

export function nameOf(word: string): string {
  const name = certificateName(word);
  if (name === null) throw new UsageError(`invalid host name "${word}"`);
  return name;
}

function fileOf(word: string): string {
  if (statSync(word, { throwIfNoEntry: false })?.isFile() !== true) throw new UsageError(`there is no file "${word}"`);
  return resolve(word);
}

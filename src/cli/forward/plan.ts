/** A command line of `tsproxy forward`, parsed: where it listens, and which requests lead where. */
import { UsageError } from '../usage-error.js';
import { type ListenAddress, listenAddress } from './listen-address.js';
import { type Target, targetOf } from './target.js';

/** Options as commander gives them. */
export interface ForwardOptions {
  readonly tls?: true;
  readonly cert?: string;
  readonly key?: string;
  readonly cors?: true;
  readonly corsOrigin?: readonly string[];
  /** Undefined: for targets with TLS only. */
  readonly changeOrigin?: boolean;
  readonly insecure?: true;
  readonly spa?: true;
  readonly allowHost?: readonly string[];
  readonly printConfig?: true;
}

export interface Route {
  /** Host of the requests; null for any other host. */
  readonly host: string | null;
  /** Prefix of the path. It ends in a slash if it is replaced: by the path of the target, or by its directory. */
  readonly prefix: string;
  readonly target: Target;
}

/** A certificate for the listener, as paths. */
export interface CertificatePaths {
  readonly certificate: string;
  readonly key: string;
}

export interface ForwardPlan {
  /** Words and options in one order, for the comment in the configuration. */
  readonly words: readonly string[];
  readonly listen: ListenAddress;
  readonly routes: readonly Route[];
  readonly secure: boolean;
  /** Whether the certificate of the listener is issued by the local CA. */
  readonly usesLocalCa: boolean;
  /** Origins of `cors`; empty without it. */
  readonly origins: readonly string[];
  /** Whether the target's own host is sent in `Host`; null: to targets with TLS only. */
  readonly changeOrigin: boolean | null;
  readonly insecure: boolean;
  readonly singlePage: boolean;
  /** Further hosts for which requests are answered, in the notation of `map` with `hostnames`; null: any host. */
  readonly allowedHosts: readonly string[] | null;
}

/** Origins on this machine, with any port: those that Vite allows by default. */
const LOCAL_ORIGINS = '~^https?://(?:(?:[a-z0-9-]+\\.)*localhost|127\\.0\\.0\\.1|\\[::1\\])(?::\\d+)?$';

/** `HOST=…` and `HOST/PATH=…`. */
const HOST_ROUTE = /^((?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*)(\/[^=]*)?=(.*)$/is;

/** @param address the listening address, then the routes */
export function planOf([address = '', ...words]: readonly string[], options: ForwardOptions): ForwardPlan {
  const listen = listenAddress(address);
  if (words.length === 0) {
    throw new UsageError('missing target', 'Example: tsproxy 8080 http://localhost:3000');
  }
  const routes = words.map(routeOf);
  routes.forEach(({ host, prefix }, i) => {
    if (routes.findIndex((other) => other.host === host && other.prefix === prefix) !== i) {
      throw new UsageError(`two routes for "${host ?? ''}${prefix}"`, 'Routes are written PATH=TARGET.');
    }
  });
  checkKey(options);
  const { corsOrigin = [] } = options;
  const cors = options.cors === true || corsOrigin.length > 0;
  return {
    words: [address, ...words, ...optionWords(options)],
    listen,
    routes,
    secure: options.tls === true || options.cert !== undefined,
    usesLocalCa: options.tls === true && options.cert === undefined,
    origins: !cors ? [] : corsOrigin.length > 0 ? corsOrigin.map(originOf) : [LOCAL_ORIGINS],
    changeOrigin: options.changeOrigin ?? null,
    insecure: options.insecure === true,
    singlePage: options.spa === true,
    allowedHosts: allowedHosts(listen, options.allowHost ?? []),
  };
}

/** Throws a usage error if one of `--cert` and `--key` is missing. */
export function checkKey({ cert, key }: { readonly cert?: string; readonly key?: string }): void {
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError('a certificate needs its key', 'Give both --cert and --key.');
  }
}

/** Pages of other sites cannot connect to a unix socket. */
function allowedHosts({ host }: ListenAddress, names: readonly string[]): readonly string[] | null {
  for (const name of names) {
    if (name !== '*' && !/^(?:\*?\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/i.test(name)) {
      throw new UsageError(
        `invalid host "${name}"`,
        'A host is a name without a port: www.example.com, .example.com with all names below it, or * for any.',
      );
    }
  }
  return host === null || names.includes('*') ? null : names.map((name) => name.toLowerCase());
}

function originOf(word: string): string {
  if (
    word !== '*' &&
    !/^https?:\/\/(?:\*\.)?[\w.-]+(?::\d{1,5})?$|^https?:\/\/\[[\da-f:.]+\](?::\d{1,5})?$/i.test(word)
  ) {
    throw new UsageError(`invalid origin "${word}"`, 'An origin is a scheme and a host: https://www.example.com');
  }
  return word.toLowerCase();
}

function routeOf(word: string): Route {
  const equals = word.indexOf('=');
  if (word.startsWith('/') && equals > 0) return route(null, word.slice(0, equals), word.slice(equals + 1));
  const [, host, path = '/', target = ''] = HOST_ROUTE.exec(word) ?? [];
  return host === undefined ? route(null, '/', word) : route(host.toLowerCase(), path, target);
}

function route(host: string | null, path: string, written: string): Route {
  const target = targetOf(written);
  const prefix = prefixOf(path);
  const replaced = target.kind === 'directory' || target.path !== null;
  return { host, prefix: replaced ? withSlash(prefix) : prefix, target };
}

/** A prefix of normalized paths, as requests are compared with it. */
function prefixOf(path: string): string {
  if (/[\0-\x1f\x7f?#%$]|\/\/|\/\.\.?(?:\/|$)/.test(path)) {
    throw new UsageError(`invalid path "${path}"`, 'A path is written decoded, without a query: /api');
  }
  return path;
}

/** The options that have an effect on the configuration, as words. */
function optionWords(options: ForwardOptions): string[] {
  const flag = (given: boolean | undefined, word: string): string[] => (given === true ? [word] : []);
  return [
    ...flag(options.tls, '--tls'),
    ...(options.cert === undefined ? [] : ['--cert', options.cert]),
    ...(options.key === undefined ? [] : ['--key', options.key]),
    ...flag(options.cors, '--cors'),
    ...(options.corsOrigin ?? []).flatMap((origin) => ['--cors-origin', origin]),
    ...flag(options.changeOrigin, '--change-origin'),
    ...flag(options.changeOrigin === false, '--no-change-origin'),
    ...flag(options.insecure, '--insecure'),
    ...flag(options.spa, '--spa'),
    ...(options.allowHost ?? []).flatMap((name) => ['--allow-host', name]),
  ];
}

/** The path with a slash at its end. */
export function withSlash(path: string): string {
  return path.endsWith('/') ? path : `${path}/`;
}

/** A target in a few words. */
export function targetText(target: Target): string {
  return target.kind === 'directory' ? target.path : `${target.scheme}://${target.address}${target.path ?? ''}`;
}

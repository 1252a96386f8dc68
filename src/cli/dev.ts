/** `tsproxy dev`: runs a production configuration on a developer's machine. */
import { resolve } from 'node:path';
import { toBytes, toText } from '../diagnostics/byte-string.js';
import { modules } from '../modules/index.js';
import { printError } from '../process/standard-streams.js';
import { givenConfiguration } from './dev/given-file.js';
import type { PathMapping } from './dev/local-files.js';
import { NginxSite } from './dev/nginx-site.js';
import { runSite } from './dev/run-site.js';
import { Targets } from './dev/targets.js';
import { allowingUnsupported } from './invocation.js';
import { displayName, missingFile } from './paths.js';
import type { Tested } from './tested-source.js';
import { USAGE_EXIT_CODE } from './usage-error.js';

/** Options as written. */
export interface DevOptions {
  readonly upstream: readonly string[];
  readonly map: readonly string[];
  readonly port: readonly (readonly [from: number, to: number])[];
  readonly path: readonly string[];
  readonly host?: string;
  readonly allowHost: readonly string[];
  readonly login: readonly (readonly [name: string, password: string])[];
  readonly p?: string;
}

/** Serves until it is ended; the exit code applies only if the start failed. */
export async function dev(file: string | undefined, options: DevOptions): Promise<number> {
  const which = { file, prefix: options.p, errorLog: undefined, globals: allowingUnsupported() };
  const missing = missingFile(which);
  if (missing !== null) {
    printError(missing);
    return 1;
  }
  const read = (): Promise<Tested> => givenConfiguration(which);
  const targets = Targets.parse([...options.upstream, ...options.map]);
  let given: Tested;
  try {
    given = await read();
  } catch (error) {
    printError(`tsproxy dev: ${toText((error as Error).message)}`);
    return USAGE_EXIT_CODE;
  }
  const site = new NginxSite({
    title: displayName(toText(given.name)),
    // Standard input can be read only once.
    tested: async () => (file === '-' ? given : read()),
    modules,
    targets,
    ports: new Map(options.port),
    paths: options.path.map(pathMapping),
    host: options.host ?? null,
    allowedHosts: options.allowHost.map((name) => toBytes(name.toLowerCase())),
    // Passwords of the command line are compared as they are.
    passwords: options.login.map(([name, password]) => `${name}:{PLAIN}${password}\n`).join(''),
  });
  return runSite(site);
}

function pathMapping(option: string): PathMapping {
  const equals = option.indexOf('=');
  return {
    from: toBytes(option.slice(0, equals).replace(/(.)\/+$/, '$1')),
    to: toBytes(resolve(option.slice(equals + 1))),
  };
}

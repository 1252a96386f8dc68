/** `tsproxy dev`: runs a production configuration on a developer's machine. */
import { toText } from '../diagnostics/byte-string.js';
import { modules } from '../modules/index.js';
import { printError } from '../process/standard-streams.js';
import { nginxSite } from './dev/nginx-site.js';
import { runSite } from './dev/run-site.js';
import { allowingUnsupported } from './invocation.js';
import { displayName, missingFile, sourceOf } from './paths.js';

/** Serves until it is ended; the exit code applies only if the start failed. */
export async function dev(file: string | undefined): Promise<number> {
  const which = { file, prefix: undefined, errorLog: undefined, globals: allowingUnsupported() };
  const missing = missingFile(which);
  if (missing !== null) {
    printError(missing);
    return 1;
  }
  const source = sourceOf(which);
  return runSite(nginxSite(displayName(toText(source.name)), source, modules));
}

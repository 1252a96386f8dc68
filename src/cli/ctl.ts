/** `tsproxy ctl ACTION [WORD ...]`: a client of the API. */
import { nearest } from '../diagnostics/nearest.js';
import { printError } from '../process/standard-streams.js';
import { ACTIONS } from './ctl/actions.js';
import { ApiClient, CtlError } from './ctl/api-client.js';
import { print, printJson } from './stdout.js';
import { UsageError } from './usage-error.js';

export interface CtlOptions {
  readonly api?: string;
  readonly unix?: string;
  readonly json?: boolean;
}

/** Returns the exit code: 1 if the API refused the request or could not be reached. */
export async function ctl(name: string, words: readonly string[], options: CtlOptions): Promise<number> {
  const { api = 'http://localhost/api/', unix = null, json = false } = options;
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (action === undefined) {
    const [meant] = nearest(name, Object.keys(ACTIONS));
    throw new UsageError(`unknown action "${name}"`, meant === undefined ? null : `Did you mean "${meant}"?`);
  }
  try {
    const { data, text } = await action(new ApiClient({ url: api, socket: unix }), words);
    if (!json) print(text);
    else if (data !== undefined) printJson(data);
    return 0;
  } catch (error) {
    if (!(error instanceof CtlError)) throw error;
    printError(`tsproxy ctl: ${error.message}`);
    return 1;
  }
}

/** Tools that proxies of this program use for their console, provided by the entry point `tsproxy`. */
import type { LoadTools } from '../process/configuration-tools.js';

let given: LoadTools | null = null;

/** Provides tools to all proxies that are created later. */
export function giveTools(load: LoadTools): void {
  given = load;
}

export function givenTools(): LoadTools | null {
  return given;
}

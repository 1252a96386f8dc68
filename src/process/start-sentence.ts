/** Why a configuration that is right could not be started. */
import { StartError } from '../exchange/compiler.js';

/** nginx's sentence, with the place in the configuration where there is one. Bytes. */
export function startSentence(error: unknown): string {
  if (error instanceof StartError && error.at !== null) return `${error.message} in ${error.at.file}:${error.at.line}`;
  return error instanceof Error ? error.message : String(error);
}

/** The reason why a valid configuration could not be started. */
import { StartError } from '../program/compiler.js';

/** nginx's message, with the place in the configuration if known. Bytes. */
export function startErrorMessage(error: unknown): string {
  if (error instanceof StartError && error.at !== null) return `${error.message} in ${error.at.file}:${error.at.line}`;
  return error instanceof Error ? error.message : String(error);
}

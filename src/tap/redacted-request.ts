/** Redaction of credentials in request lines. Byte strings. */
import { CREDENTIALS } from './credentials.js';
import { Redaction } from './redaction.js';

const redaction = new Redaction({ fields: CREDENTIALS, jsonPaths: [], patterns: [] });

/** A URL or target without the values of arguments that are credentials. */
export function redactedTarget(target: string): string {
  return redaction.target(target);
}

/**
 * A request line, or another text that contains a target: an argument extends to the protocol at the end of the text, because the
 * target of an invalid request may contain spaces.
 */
export function redactedRequest(line: string): string {
  if (!line.includes('=')) return line;
  const end = / HTTP\/[\d.]+$/.exec(line)?.index ?? line.length;
  return redaction.target(line.slice(0, end)) + line.slice(end);
}

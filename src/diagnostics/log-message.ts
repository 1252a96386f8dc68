/** Findings in one line, as nginx writes them to its error log. */
import { positionOf } from '../../grammar/positions.js';
import { toText } from './byte-string.js';
import type { Finding } from './finding.js';
import { COMMAND_LINE } from './place.js';

/** The message and ` in FILE:LINE`, the end of nginx's messages, or ` in command line`. Bytes. */
export function logMessage({ message, at }: Finding): string {
  if (at === null) return message;
  const { name } = at.source;
  return `${message} in ${name === COMMAND_LINE ? name : `${name}:${positionOf(at.source, at.start).line}`}`;
}

/** The same as text. */
export function sentence(finding: Finding): string {
  return toText(logMessage(finding));
}

/** Texts for names and attributes of spans, without credentials. */
import { toText } from '../diagnostics/byte-string.js';
import { CREDENTIALS } from '../tap/credentials.js';
import { redactedRequest } from '../tap/redacted-request.js';

const ASCII = /^[\x00-\x7f]*$/;

/** The text of a byte string that may be a target or contain one. */
export function redactedText(bytes: string): string {
  const redacted = redactedRequest(bytes);
  return ASCII.test(redacted) ? redacted : toText(redacted);
}

/** Whether an attribute has the value of a field with credentials, by its name: `http.request.header.x_api_key`. */
export function isCredential(attribute: string): boolean {
  const at = attribute.indexOf('.header.');
  if (at < 0) return false;
  const field = attribute.slice(at + '.header.'.length);
  return CREDENTIALS.includes(field.toLowerCase().replaceAll(/[._]/g, '-'));
}

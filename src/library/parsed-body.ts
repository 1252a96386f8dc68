/** Bodies of requests that another middleware has read and parsed before. */
import type { IncomingMessage } from 'node:http';

/**
 * Serializes a parsed body: JSON and forms, as `express.json()` and `express.urlencoded()` leave them in `req.body`; bytes and
 * text are returned unchanged. Null: the body was not read yet.
 */
export function serializedBody(req: IncomingMessage & { readonly body?: unknown }): Buffer | null {
  const { body } = req;
  if (!req.readableEnded || body === undefined || body === null) return null;
  if (typeof body === 'string') return Buffer.from(body);
  if (body instanceof Uint8Array) return Buffer.from(body);
  const type = req.headers['content-type'] ?? '';
  if (/^application\/x-www-form-urlencoded\b/i.test(type)) return Buffer.from(formOf(body));
  return /[/+]json\b/i.test(type) ? Buffer.from(JSON.stringify(body)) : null;
}

function formOf(body: object): string {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(body)) {
    for (const each of Array.isArray(value) ? value : [value]) form.append(name, String(each));
  }
  return form.toString();
}

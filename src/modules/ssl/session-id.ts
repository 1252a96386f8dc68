/** `$ssl_session_id`: read from the encoding of a session, for which Node has no accessor. */
import type { EngineHandle } from '../../net/tls-engine.js';

/** Session identifier in hexadecimal; undefined if there is none. */
export function sessionIdOf(engine: EngineHandle): string | undefined {
  const session = engine.getSession();
  if (session === undefined) return undefined;
  // SSL_SESSION ::= SEQUENCE { version, SSL version, cipher, session identifier, … }
  let at = contentOf(session, 0).start;
  for (let field = 0; field < 3; field++) at = contentOf(session, at).end;
  const { start, end } = contentOf(session, at);
  return end > start ? session.subarray(start, end).toString('hex') : undefined;
}

/** Position of the content of the DER value at an offset. */
function contentOf(bytes: Buffer, at: number): { readonly start: number; readonly end: number } {
  const first = bytes[at + 1] ?? 0;
  if (first < 0x80) return { start: at + 2, end: at + 2 + first };
  const size = first & 0x7f;
  const start = at + 2 + size;
  return { start, end: start + bytes.readUIntBE(at + 2, size) };
}

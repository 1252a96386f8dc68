/** Trailer fields of upstream responses. */
import { isToken } from '../http/field-line.js';
import { Field, fieldSet } from '../http/field-names.js';
import { HeaderBlock } from '../http/header-block.js';
import type { ResponseHead } from '../http/response-head.js';

/**
 * Fields that determine how a message is read; recipients must not take them from a trailer section (RFC 9110 6.5.1).
 */
const NEVER_TRAILERS = fieldSet(
  Field.ContentLength,
  Field.TransferEncoding,
  Field.Host,
  Field.Connection,
  Field.ProxyConnection,
  Field.KeepAlive,
  Field.TE,
  Field.Trailer,
  Field.Upgrade,
  Field.ContentType,
  Field.ContentEncoding,
  Field.ContentRange,
);

/** Adds the upstream's trailer fields (each line terminated by CRLF) to the client's response, except hidden ones. */
export function passTrailers(response: ResponseHead, trailers: string): void {
  const { hidden } = response;
  const block = HeaderBlock.from(
    trailers
      .split('\r\n')
      .filter((line) => isToken(line.slice(0, Math.max(0, line.indexOf(':')))))
      .map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon), line.slice(colon + 1).trim()];
      }),
  );
  for (let i = 0; i < block.count; i++) {
    const id = block.id(i);
    // Unlike in a head, ETag is an ordinary field here and may be sent in the trailers.
    const hides = hidden?.matches(block, i) === true && id !== Field.ETag && id !== Field.LastModified;
    if (!hides && NEVER_TRAILERS[id] !== true) response.addTrailer(block.name(i), block.value(i));
  }
}

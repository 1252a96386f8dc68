/** A request as read from its header block. */
import { HeaderBlock } from '../http/header-block.js';
import type { RequestHead } from '../http/request-head.js';

/** The fields of no request; never changed. */
export const NO_FIELDS = new HeaderBlock();

export class ReadRequest implements RequestHead {
  method = '';
  requestLine = '';
  target = '';
  query = -1;
  complex = false;
  readonly emptyPath = false;
  /** The authority is applied separately, because its messages differ from those of HTTP/1. */
  readonly authority = null;
  readonly version = 20;
  headers = NO_FIELDS;
  contentLength = 0;
  /** Value of `:authority`; null if there was none. */
  host: string | null = null;
}

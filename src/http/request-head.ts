/** The head of a request as a protocol has read it: routing and exchanges depend on nothing else of the protocol. */
import type { HeaderBlock } from './header-block.js';

export interface RequestHead {
  readonly method: string;
  /** The request as logged: the request line of HTTP/1. */
  readonly requestLine: string;
  /** Path and query as written; `/` if an absolute-form target has no path. */
  readonly target: string;
  /** Offset of `?` in `target`, or -1. */
  readonly query: number;
  /** Whether the path needs normalization. Known to a reader, because it examines each byte anyway. */
  readonly complex: boolean;
  /** Whether the target as written has no path: absolute-form without one, or authority-form. */
  readonly emptyPath: boolean;
  /** Authority of the target as written (`:authority` in HTTP/2), or null: then the Host field applies. */
  readonly authority: string | null;
  /** 9, 10, 11 or 20. */
  readonly version: number;
  readonly headers: HeaderBlock;
  /** Length of the body in bytes; 0 for none, -1 if it is not known in advance. Valid once the whole head was read. */
  readonly contentLength: number;
}

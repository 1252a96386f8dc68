/** Bodies of requests and responses: chunks, their sources and receivers. */

/**
 * A chunk of a body. A Buffer is borrowed: it must be copied if retained beyond the call. A string is a byte string.
 */
export type Chunk = Buffer | string;

/** Receives the request body in chunks. */
export interface BodySink {
  /** Receives a chunk; `last`: `bodyEnd` follows immediately. Returns false to pause until `resumeBody`. */
  bodyChunk(chunk: Buffer, last: boolean): boolean;
  /** The client closed the connection: the body received so far is logged as `$request_body`. `bodyFailed` follows. */
  bodyCut?(): void;
  /** The body is complete. */
  bodyEnd(): void;
  /**
   * The body will not be complete: the client closed the connection (`400`), was too slow (`408`), or the framing is
   * invalid (`400`, `413`).
   */
  bodyFailed(status: number): void;
}

/** A request body that has been read. */
export interface RequestBody {
  /** Length in bytes. */
  readonly length: number;
  /** The content if it is in memory; null if it is in a file. */
  readonly memory: Buffer | null;
  /** Path of the file, or null: `$request_body_file`. */
  readonly file: string | null;
  /** Reads up to `into.length` bytes from `position`; returns the number of bytes read. */
  read(into: Buffer, position: number): number;
  /** Releases the memory and the file. */
  release(): void;
}

/**
 * Source of a response body: resumed when the client accepts more data, aborted when the client closes the connection.
 */
export interface Producer {
  /** Current activity of the upstream request, in nginx's words (`reading upstream`); empty if there is none. */
  readonly activity?: string;
  resume(): void;
  /** The client connection was closed; nothing more can be sent. The producer releases its resources. */
  abort(): void;
}

/**
 * Transforms a response body. `next` passes data on; null is the end of the body, and the response is complete only
 * when the last filter has passed it on. An asynchronous filter buffers pending data and calls `next` later; it then
 * replaces `x.producer`, to be resumed when the client accepts more data.
 */
export interface BodyFilter {
  /** Returns the last result of `next` (false: the client is slow), or true if nothing was passed on. */
  push(chunk: Chunk | null, next: (chunk: Chunk | null) => boolean): boolean;
  /** The response will not be complete: passes on all data received so far. Absent if none is retained. */
  flush?(): void;
}

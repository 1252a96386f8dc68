/**
 * `worker_buffer_limit`: memory that this process may use for received data that waits to be passed on: bodies of requests,
 * responses for slow clients, incomplete heads, pipelined requests.
 */

let limit = Number.POSITIVE_INFINITY;
let reserved = 0;

/** Sets the limit, in bytes. */
export function limitBuffers(bytes: number): void {
  limit = bytes;
}

/** Counts `bytes` more; negative: fewer. */
export function reserve(bytes: number): void {
  reserved += bytes;
}

/** Bytes of memory that are in use for buffered data. */
export function bufferedMemory(): number {
  return reserved;
}

/** The limit is reached: what can wait elsewhere (in a file, or with its sender) does. */
export function buffersFull(): boolean {
  return reserved >= limit;
}

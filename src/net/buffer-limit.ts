/**
 * `worker_buffer_limit`: limit of this process's memory for received data that is buffered: request bodies, responses
 * for slow clients, incomplete heads, pipelined requests.
 */

let limit = Number.POSITIVE_INFINITY;
let reserved = 0;

/** Sets the limit, in bytes. */
export function limitBuffers(bytes: number): void {
  limit = bytes;
}

/** Adds `bytes` to the amount in use; may be negative. */
export function reserve(bytes: number): void {
  reserved += bytes;
}

/** Memory in use for buffered data, in bytes. */
export function bufferedMemory(): number {
  return reserved;
}

/** Whether the limit is reached: data that can wait elsewhere (in a file or at its sender) then does. */
export function buffersFull(): boolean {
  return reserved >= limit;
}

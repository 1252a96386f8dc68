/** Pool of response readers; their cached fields often match the next response. */
import { ResponseReader } from '../http1/response-reader.js';

const MAX_SPARE = 64;
const readers: ResponseReader[] = [];

/** Takes a reader for one request. */
export function takeReader(): ResponseReader {
  return readers.pop() ?? new ResponseReader();
}

/** Returns a reader when its fields are no longer used. */
export function giveReader(reader: ResponseReader): void {
  reader.reset();
  if (readers.length < MAX_SPARE) readers.push(reader);
}

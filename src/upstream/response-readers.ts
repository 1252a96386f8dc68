/** Readers of heads that wait for their next use: what they parsed last is often what comes next. */
import { ResponseReader } from '../http/response-reader.js';

const KEPT = 64;
const readers: ResponseReader[] = [];

/** A reader for one request. */
export function takeReader(): ResponseReader {
  return readers.pop() ?? new ResponseReader();
}

/** Gives it back when nobody looks at its fields any more. */
export function giveReader(reader: ResponseReader): void {
  reader.reset();
  if (readers.length < KEPT) readers.push(reader);
}

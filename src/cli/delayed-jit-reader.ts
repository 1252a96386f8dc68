/** Reads configurations from disk, and delays V8's optimisation for long ones. */
import { versions } from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { type ConfigReader, diskReader } from '../config/reader.js';

/** Bytes from which the delay pays. */
const LONG = 50_000;

/**
 * V8 11, the version of Node 20, optimises functions that have run for a while, and the test of a long configuration is over
 * before that pays: with a fourfold delay, 35,000 lines take a sixth less time and a quarter less CPU time. Later versions
 * choose better and do not have the flag. A short test would lose 10 ms, because Node's code cache of its own modules was
 * created without the flag.
 */
export function delayedJitReader(): ConfigReader {
  let left = versions.v8.startsWith('11.') ? LONG : Number.POSITIVE_INFINITY;
  return {
    ...diskReader,
    read(path) {
      const text = diskReader.read(path);
      left -= text.length;
      if (left < 0) {
        setFlagsFromString('--interrupt-budget=300000');
        left = Number.POSITIVE_INFINITY;
      }
      return text;
    },
  };
}

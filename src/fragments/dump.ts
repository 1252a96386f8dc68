/** Output of `nginx -T`: all files of a configuration in one text, each after a line with its name. */
import { type ConfigReader, textReader } from '../config/reader.js';

/** A configuration read from a dump. Names and texts are bytes. */
export interface Dump {
  /** Name of the main file. */
  readonly main: string;
  /** Every file by its name, the main file first. */
  readonly texts: ReadonlyMap<string, string>;
}

const HEADER = /^# configuration file (.+):\r?$/gm;

/** The files of a dump; null for any other text. Messages of nginx may precede the first header. */
export function readDump(text: string): Dump | null {
  const headers = [...text.matchAll(HEADER)];
  const [first] = headers;
  const before = text.slice(0, first?.index).split('\n');
  if (first === undefined || !before.every((line) => /^(?:(?:nginx|tsproxy): .*)?\r?$/.test(line))) return null;
  const texts = new Map<string, string>();
  headers.forEach(({ index, 0: line, 1: name = '' }, i) => {
    const start = index + line.length + 1;
    // nginx adds a line break after each file.
    const end = headers[i + 1]?.index ?? text.length;
    if (!texts.has(name)) texts.set(name, text.slice(start, end).replace(/\r?\n$/, ''));
  });
  return { main: first[1] ?? '', texts };
}

/** Reads the files of a dump; all other files are missing. */
export function dumpReader({ texts }: Dump): ConfigReader {
  return textReader(texts);
}

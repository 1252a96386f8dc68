/** Conversion of a configuration of another program. */
import { toText } from '../diagnostics/byte-string.js';
import type { Format } from './detect.js';
import type { Configuration, Note } from './model.js';
import { middlewareConfiguration } from './node-proxy/middleware.js';
import { viteConfiguration } from './node-proxy/vite.js';
import { NoteList } from './note-list.js';
import { write } from './writer/write.js';

/** Formats of other programs. */
export type ForeignFormat = Exclude<Format, 'nginx' | 'json'>;

export interface ConvertedText {
  /** Text in nginx's language; bytes. */
  readonly text: string;
  /** Everything that was not converted. */
  readonly missing: readonly Note[];
}

export interface ConversionOptions {
  /** Address of the server if the source names none; null for the default. */
  readonly listen: string | null;
  /** List in the text what was not converted. */
  readonly isListed: boolean;
}

type Translate = (name: string, text: string, listen: string | null, notes: NoteList) => Configuration;

const TRANSLATIONS: Readonly<Record<ForeignFormat, Translate>> = {
  'http-proxy-middleware': middlewareConfiguration,
  vite: viteConfiguration,
};

/**
 * Converts a text; throws SourceMistake if it is not in its format.
 *
 * @param name of the source
 * @param bytes its text
 */
export function convertText(
  format: ForeignFormat,
  name: string,
  bytes: string,
  options: ConversionOptions,
): ConvertedText {
  const notes = new NoteList();
  const configuration = TRANSLATIONS[format](name, toText(bytes), options.listen, notes);
  const missing = notes.all;
  return { text: write(configuration, { name, listed: options.isListed ? missing : [] }), missing };
}

/** Conversion of a configuration of another program. */
import { toText } from '../diagnostics/byte-string.js';
import type { ReadFiles } from './caddy/parser.js';
import { caddyConfiguration } from './caddy/translate.js';
import type { Format } from './detect.js';
import { haproxyConfiguration } from './haproxy/translate.js';
import { type AuxiliaryFile, type Configuration, type Note, SourceMistake } from './model.js';
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
  /** Files that it names, beside it. */
  readonly files: readonly AuxiliaryFile[];
}

export interface ConversionOptions {
  /** Address of the server if the source names none; null for the default. */
  readonly listen: string | null;
  /** List in the text what was not converted. */
  readonly isListed: boolean;
  /** Texts of the files that a source includes. */
  readonly read: ReadFiles;
}

type Translate = (name: string, text: string, options: ConversionOptions, notes: NoteList) => Configuration;

const TRANSLATIONS: Readonly<Record<ForeignFormat, Translate>> = {
  caddy: (_, text, { read }, notes) => caddyConfiguration(text, read, notes),
  haproxy: (_, text, __, notes) => haproxyConfiguration(text, notes),
  'http-proxy-middleware': (name, text, { listen }, notes) => middlewareConfiguration(name, text, listen, notes),
  vite: (name, text, { listen }, notes) => viteConfiguration(name, text, listen, notes),
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
  try {
    const configuration = TRANSLATIONS[format](name, toText(bytes), options, notes);
    const missing = notes.all;
    const text = write(configuration, { name, listed: options.isListed ? missing : [] });
    return { text, missing, files: configuration.files ?? [] };
  } catch (error) {
    // The stack limits how deeply expressions nest, and how many directives a site has.
    if (error instanceof RangeError) throw new SourceMistake('it nests too deeply, or a block is too long', 0);
    throw error;
  }
}

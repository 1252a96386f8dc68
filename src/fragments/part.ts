/** Parts of a configuration, such as the files of `sites-enabled/`, and the configuration that encloses them. */
import { writeValue } from '../../grammar/words.js';
import { hasWildcard } from '../config/glob.js';
import { directoryOf } from '../files/directories.js';
import type { ConfigSource } from '../process/configuration.js';
import { ENCLOSING_TEXT, type Enclosing } from './blocks.js';

/** Name of the text that includes the parts. */
export const WRAPPING = '<around>';

/** A file, and the block that it is a part of. */
export interface Part {
  /** Absolute path. Bytes. */
  readonly name: string;
  readonly enclosing: Enclosing;
}

/**
 * A configuration that includes each part in its block; null if a part's name cannot be written in an include.
 *
 * @param assumed directives of `http` that define names that the parts use and other files define
 */
export function wrapped(
  source: ConfigSource,
  parts: readonly Part[],
  assumed: readonly string[] = [],
): ConfigSource | null {
  const resolves = source.reader?.resolve !== undefined;
  if (!resolves && parts.some(({ name }) => hasWildcard(name))) return null;
  const [first] = parts;
  const directory = source.confDirectory ?? (first === undefined ? source.prefix : directoryOf(first.name));
  const included = (inHttp: boolean): string[] =>
    parts
      .map(({ name, enclosing }) => ({ name, ...ENCLOSING_TEXT[enclosing] }))
      .filter((each) => each.inHttp === inHttp)
      .map(({ name, before, after }) => `${before} include ${writeValue(name, '"')}; ${after}`);
  const outside = included(false);
  const events = parts.some(({ enclosing }) => enclosing === 'events' || enclosing === 'main') ? '' : 'events { } ';
  const slash = directory.endsWith('/') ? '' : '/';
  return {
    ...source,
    name: `${directory}${slash}${WRAPPING}`,
    text: `${events}http { ${[...assumed, ...included(true)].join('\n')} }\n${outside.join('\n')}`,
    confDirectory: directory,
  };
}

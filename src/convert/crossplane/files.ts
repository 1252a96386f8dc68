/** A configuration with its included files as a payload. */
import { dirname } from 'node:path';
import { parse } from '../../../grammar/parser.js';
import { positionOf } from '../../../grammar/positions.js';
import { wordsAtMost } from '../../../grammar/words.js';
import { type ConfigReader, includedFiles, readFailure } from '../../config/reader.js';
import type { Finding } from '../../diagnostics/finding.js';
import { MAX_DEPTH, type Payload, PayloadMistake } from './payload.js';
import { directivesOf } from './to-payload.js';

/** Maximum number of files. */
const MAX_FILES = 10_000;

/** Maximum number of words in a file, as for `tsproxy fmt`. */
const MAX_WORDS = 2_500_000;

export interface PayloadOptions {
  readonly reader: ConfigReader;
  /** Directory for relative names of `include`; that of the file by default. */
  readonly confDirectory?: string;
  /** Leave out included files. */
  readonly single?: boolean;
}

/**
 * Reads a configuration file and the files that it includes, each once. Errors of syntax and files that cannot be read are
 * in the payload; only a configuration beyond the limits throws PayloadMistake.
 *
 * @param text the text of the first file, if it is not to be read
 */
export function payloadOf(file: string, text: string | null, options: PayloadOptions): Payload {
  const { reader, single = false } = options;
  const directory = options.confDirectory ?? `${dirname(file)}/`;
  const payload: Payload = { status: 'ok', errors: [], config: [] };
  const files = new Map([[file, 0]]);
  for (const name of files.keys()) {
    const at = payload.config.push({ file: name, status: 'ok', errors: [], parsed: [] }) - 1;
    let content: string;
    try {
      content = name === file && text !== null ? text : reader.read(name);
    } catch (error) {
      addError(payload, at, readFailure(name, error), null);
      continue;
    }
    if (wordsAtMost(content) > MAX_WORDS) throw new PayloadMistake(`"${name}" is too long`);
    const { items, mistakes } = parse({ name, text: content });
    checkDepth(name, content);
    for (const { message, at: span } of mistakes) {
      addError(payload, at, message, positionOf(span.source, span.start).line);
    }
    const config = payload.config[at];
    if (config === undefined) continue;
    config.parsed = directivesOf(items, (statement, directive) => {
      const [pattern, ...more] = statement.args;
      if (single || statement.name.text !== 'include' || !pattern || more.length > 0 || statement.block) return;
      directive.includes = includedFiles(pattern.text, directory, reader).map((path) => {
        const index = files.get(path) ?? files.size;
        files.set(path, index);
        return index;
      });
      if (files.size > MAX_FILES) throw new PayloadMistake(`more than ${MAX_FILES} files are included`);
    });
  }
  return payload;
}

/** Rejects texts with so many open braces that their trees would be too deep. */
function checkDepth(name: string, text: string): void {
  let depth = 0;
  let deepest = 0;
  for (const [brace] of text.matchAll(/[{}]/g)) {
    depth = Math.max(0, depth + (brace === '{' ? 1 : -1));
    deepest = Math.max(deepest, depth);
  }
  if (deepest > MAX_DEPTH) throw new PayloadMistake(`blocks of "${name}" nest more than ${MAX_DEPTH} deep`);
}

function addError(payload: Payload, index: number, error: string, line: number | null): void {
  const config = payload.config[index];
  if (config === undefined) return;
  payload.status = 'failed';
  payload.errors.push({ file: config.file, error, line });
  config.status = 'failed';
  config.errors.push({ error, line });
}

/** Adds the errors of a check, except those of the syntax, which are there. */
export function addFindings(payload: Payload, findings: readonly Finding[]): void {
  const known = new Set(payload.errors.map(({ error }) => error));
  for (const { severity, message, at } of findings) {
    if (severity !== 'error' || known.has(message)) continue;
    const index = at === null ? 0 : payload.config.findIndex(({ file }) => file === at.source.name);
    const line = at === null ? null : positionOf(at.source, at.start).line;
    addError(payload, Math.max(0, index), message, line);
  }
}

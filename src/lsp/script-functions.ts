/** Functions of the scripts that a configuration imports. The scripts are read, not run. */
import type { Source, Span } from '../../grammar/syntax-tree.js';
import type { Analysis } from './analysis.js';

export interface ScriptFunction {
  readonly name: string;
  readonly at: Span;
}

/** Declarations of functions on the outermost level of a script, in their usual forms. */
const DECLARED =
  /^(?:export\s+(?:default\s+)?)?(?:async\s+)?function\s*\*?\s*(\w+)|^(?:export\s+)?(?:const|let|var)\s+(\w+)\s*=\s*(?:async\s*)?(?:function\b|\(|\w+\s*=>)/gm;

/** Functions of a script, by its name in `js_import`; none if it cannot be read. */
export function functionsOf(analysis: Analysis, file: string): ScriptFunction[] {
  const source = scriptOf(analysis, file);
  if (source === null) return [];
  return [...source.text.matchAll(DECLARED)].map((match) => {
    const name = match[1] ?? match[2] ?? '';
    const start = match.index + match[0].indexOf(name);
    return { name, at: { source, start, end: start + name.length } };
  });
}

/** Text of a script: a file beside the configuration or below the prefix. */
export function scriptOf(analysis: Analysis, file: string): Source | null {
  const directories = [analysis.root.prefix, analysis.root.directory];
  const paths = file.startsWith('/')
    ? [file]
    : directories.flatMap((directory) => (directory === undefined ? [] : [directory + file]));
  for (const name of paths) {
    try {
      return { name, text: analysis.reader.read(name) };
    } catch {
      // The check reports a script that cannot be read.
    }
  }
  return null;
}

/** njs's `js_preload_object`: JSON files whose values are constants of scripts. */
import type { Word } from '../../grammar/syntax-tree.js';
import { custom } from '../config/argument-types.js';
import type { CheckedBlock } from '../config/checked-config.js';
import type { ArgumentContext } from '../config/directive.js';
import type { CheckContext } from '../config/module-declaration.js';
import { toBytes } from '../diagnostics/byte-string.js';
import { errnoText } from '../diagnostics/errno.js';
import { defineModule } from '../program/module.js';
import { fileWord, nameOfFile } from '../scripting/function-name.js';
import { type PreloadData, parsePreloaded } from '../scripting/preload.js';

function parsePreload(words: readonly Word[], c: ArgumentContext): PreloadData {
  const path = fileWord(words, c);
  const name = nameOfFile(words, 'global', /\.json/, c);
  const [first = path] = words;
  if (RESERVED.has(name)) {
    c.fail(first, 'invalid-value', `the name "${name}" is reserved`, {
      help: `choose another one: ${c.directive} data from ${name}.json;`,
    });
  }
  return { name, path: c.path(path.text, 'conf'), at: c.place(path) };
}

/** Reserved words of JavaScript, and names that are already defined in scripts. */
const RESERVED: ReadonlySet<string> = new Set(
  (
    'arguments await break case catch class const continue debugger default delete do else enum eval export extends false ' +
    'finally for function if implements import in instanceof interface let new null package private protected public return ' +
    'static super switch this throw true try typeof var void while with yield ' +
    'ngx njs console process Buffer crypto Headers Request Response SharedMemoryError globalThis undefined ' +
    'setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate'
  ).split(' '),
);

function checkFiles(block: CheckedBlock, c: CheckContext): void {
  const values = (block.values.js_preload_object ?? []) as readonly PreloadData[];
  for (const { args } of c.statements('js_preload_object')) {
    const word = args.at(-1);
    const data = values.find(
      ({ path }) => word !== undefined && (path === word.text || path.endsWith(`/${word.text}`)),
    );
    if (word === undefined || data === undefined) continue;
    try {
      const text = c.reader.read(data.path);
      // Empty files are reported when they are loaded: the files that examples name are empty.
      if (text !== '') parsePreloaded(text);
    } catch (error) {
      const isSyntax = error instanceof SyntaxError;
      const reason = isSyntax ? toBytes(error.message) : errnoText(error);
      const message = `js_preload_object "${data.path}" could not be loaded (${reason})`;
      c.report(word, isSyntax ? 'invalid-value' : 'file-not-found', message);
    }
  }
}

export default defineModule({
  name: 'js_preload_object',
  doc: 'Loads JSON files whose values scripts use.',
  directives: {
    js_preload_object: {
      contexts: ['http', 'server', 'location'],
      takes: custom('file.json | name from file', 1, 3, parsePreload),
      repeat: true,
      inherit: 'append',
      files: (value) => [(value as PreloadData).path],
      doc: 'Loads a JSON file when the configuration is loaded. Its value is available in all modules of the block as a global constant with the name of the file, or the given one; it cannot be changed. A relative path is relative to the directory of the configuration file.',
      example: 'js_preload_object routes.json;',
    },
  },
  check(block, c) {
    checkFiles(block, c);
  },
});

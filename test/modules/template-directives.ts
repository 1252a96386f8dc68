/** The directives of all modules in whose arguments variables are replaced, found by trying. */
import { check } from '../../src/config/check.js';
import type { ConfigReader } from '../../src/config/reader.js';
import { modules } from '../../src/modules/index.js';
import { surrounded } from '../config/example.js';

const emptyFiles: ConfigReader = { read: () => '', expand: () => [] };

/** A variable that no example names. */
const PROBE = 'nginx_version';

/** The text with the probe in the place of each word, behind it, and behind the `=` in it. */
function variants(name: string, example: string): string[] {
  const found = [`${name} /$${PROBE};`, `${name} $${PROBE} $${PROBE};`];
  for (const { 0: word, index } of example.matchAll(/[^\s;{}()"']+/g)) {
    const put = (text: string) => found.push(example.slice(0, index) + text + example.slice(index + word.length));
    put(`$${PROBE}`);
    put(`${word}$${PROBE}`);
    put(`/$${PROBE}`);
    const equals = word.indexOf('=');
    if (equals >= 0) put(`${word.slice(0, equals + 1)}$${PROBE}`);
  }
  return found;
}

/** Names of directives that hold templates, sorted. */
export function templateDirectives(): string[] {
  const found = new Set<string>();
  for (const { directives } of modules) {
    for (const [name, spec] of Object.entries(directives)) {
      const context = spec.contexts.at(-1);
      if (context === undefined) continue;
      const takes = variants(name, spec.example).some((example) => {
        if (!example.trimStart().startsWith(name)) return false;
        const text = surrounded({ ...spec, example }, context);
        const { config } = check({ name: 'probe', text }, modules, { prefix: '/nonexistent/', reader: emptyFiles });
        return config !== null && JSON.stringify(config).includes(`{"variable":"${PROBE}"}`);
      });
      if (takes) found.add(name);
    }
  }
  return [...found].sort();
}

/** The corpus `test/conf/`: texts for each module, accepted and rejected, with the findings that they must have. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { positionOf } from '../../grammar/positions.js';
import { check } from '../../src/config/check.js';
import type { ModuleDeclaration } from '../../src/config/module-declaration.js';
import type { Finding } from '../../src/diagnostics/finding.js';

const CORPUS = fileURLToPath(new URL('../../../test/conf/', import.meta.url));

export interface CorpusText {
  /** The module that it is about: the name of its directory. */
  readonly module: string;
  readonly name: string;
  readonly path: string;
  readonly accepted: boolean;
}

/** Every `accepted-*.conf` and `rejected-*.conf`. */
export function corpus(): CorpusText[] {
  return readdirSync(CORPUS, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name: module }) =>
      readdirSync(join(CORPUS, module))
        .filter((name) => /^(accepted|rejected)-.+\.conf$/.test(name))
        .map((name) => ({ module, name, path: join(CORPUS, module, name), accepted: name.startsWith('accepted-') })),
    );
}

/**
 * Findings declared in the first lines of a text: `# expect: CODE LINE` for each; `CODE FILE:LINE` for one in an included
 * file, `CODE` for one without a place.
 */
export function expectedFindings(text: string): string[] {
  const lines = text.split('\n');
  const end = lines.findIndex((line) => !line.startsWith('# expect: '));
  return lines
    .slice(0, end)
    .map((line) => line.slice('# expect: '.length).trim())
    .sort();
}

/** Checks a text of the corpus. */
export function checkText({ path }: CorpusText, modules: readonly ModuleDeclaration[]) {
  const text = readFileSync(path, 'latin1');
  const { config, findings } = check({ name: path, text }, modules, { prefix: '/nonexistent/' });
  return {
    config,
    findings,
    expected: expectedFindings(text),
    found: findings.map((one) => described(one, path)).sort(),
  };
}

function described({ code, at }: Finding, root: string): string {
  if (at === null) {
    return code;
  }
  const { line } = positionOf(at.source, at.start);
  return at.source.name === root ? `${code} ${line}` : `${code} ${basename(at.source.name)}:${line}`;
}

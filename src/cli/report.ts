/** Prints findings in the requested format: text on standard error, the others on standard output. */
import { toBytes } from '../diagnostics/byte-string.js';
import type { Finding } from '../diagnostics/finding.js';
import type { Format } from './invocation.js';
import { printJson, writeOut } from './stdout.js';

/**
 * @param findings in the order of the text
 * @param all whether the text shows equal findings one by one
 */
export async function report(findings: readonly Finding[], format: Format, all = false): Promise<void> {
  switch (format) {
    case 'text': {
      (await import('./print-findings.js')).printFindings(findings, all);
      return;
    }
    case 'json': {
      const { findingsToJson } = await import('../diagnostics/json.js');
      printJson(findingsToJson(findings));
      return;
    }
    case 'github': {
      const { findingsToGithub } = await import('../diagnostics/github.js');
      writeOut(toBytes(findingsToGithub(findings, directory())));
      return;
    }
    case 'sarif': {
      const [{ findingsToSarif }, { allStories }, { VERSION }, { documentUrl, REPOSITORY }] = await Promise.all([
        import('../diagnostics/sarif.js'),
        import('./code-stories.js'),
        import('../http/software.js'),
        import('../diagnostics/documents.js'),
      ]);
      const stories = new Map((await allStories()).map(({ code, story }) => [code, story]));
      const storyOf = (code: string) => stories.get(code) ?? '';
      const urlOf = (code: string) => documentUrl(`docs/codes.md#${code}`);
      printJson(
        findingsToSarif(findings, { version: VERSION, homepage: REPOSITORY, storyOf, urlOf, directory: directory() }),
      );
    }
  }
}

/** Base directory of the file names. */
function directory(): string {
  const here = process.cwd();
  return here.endsWith('/') ? here : `${here}/`;
}

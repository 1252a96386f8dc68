/** Says findings in the format that was asked for: to a person on standard error, to programs on standard output. */
import type { Finding } from '../diagnostics/finding.js';
import type { Format } from './order.js';
import { encoded, writeOut } from './stdout.js';

/** @param findings in the order of the text */
export async function report(findings: readonly Finding[], format: Format): Promise<void> {
  switch (format) {
    case 'text': {
      const [{ renderFindings }, { colored }, { sayToPerson }] = await Promise.all([
        import('../diagnostics/render.js'),
        import('./terminal.js'),
        import('../process/standard-streams.js'),
      ]);
      sayToPerson(renderFindings(findings, { color: colored() }).trimEnd());
      return;
    }
    case 'json': {
      const { findingsToJson } = await import('../diagnostics/json.js');
      writeJson(findingsToJson(findings));
      return;
    }
    case 'github': {
      const { findingsToGithub } = await import('../diagnostics/github.js');
      writeOut(encoded(findingsToGithub(findings, directory())));
      return;
    }
    case 'sarif': {
      const [{ findingsToSarif }, { codeStories }, { lints }, { VERSION }] = await Promise.all([
        import('../diagnostics/sarif.js'),
        import('./code-stories.js'),
        import('../lints/index.js'),
        import('../exchange/software.js'),
      ]);
      const stories = new Map(codeStories(lints).map(({ code, story }) => [code, story]));
      const storyOf = (code: string) => stories.get(code) ?? '';
      writeJson(findingsToSarif(findings, { version: VERSION, storyOf, directory: directory() }));
    }
  }
}

/** Where file names start from. */
function directory(): string {
  const here = process.cwd();
  return here.endsWith('/') ? here : `${here}/`;
}

function writeJson(value: unknown): void {
  writeOut(encoded(`${JSON.stringify(value, null, 2)}\n`));
}

/** `tsproxy compat [FILE]`: reports which parts of an nginx configuration are supported. */
import { toText } from '../diagnostics/byte-string.js';
import { COLOURED, PLAIN } from '../diagnostics/style.js';
import { modules as builtIn } from '../modules/index.js';
import { checkWithModuleFiles } from '../process/checked-modules.js';
import { checkSource } from '../process/configuration.js';
import { reportJson, reportText, verdictOf } from './compat/report.js';
import { surveyOf } from './compat/survey.js';
import { globalsOf } from './invocation.js';
import { enclosingOf, wrapped } from './part.js';
import { sourceOf } from './paths.js';
import { printFindings } from './print-findings.js';
import { print, printJson } from './stdout.js';
import { colored, pageWidth } from './terminal.js';

export interface CompatOptions {
  readonly c?: string;
  readonly p?: string;
  readonly g?: string;
  readonly allowUnsupported?: true;
  readonly json?: true;
}

/** Prints the report. Returns the exit code: 0 if everything is supported or without effect. */
export async function compat(named: string | undefined, options: CompatOptions): Promise<number> {
  const { c, p, json } = options;
  const source = sourceOf({ file: named ?? c, prefix: p, errorLog: undefined, globals: globalsOf(options) });
  const { result, modules } = await checkWithModuleFiles(source, builtIn);
  if (result.expansion === null) {
    printFindings(result.findings);
    return 1;
  }
  const enclosing = enclosingOf(result.expansion.statements, modules);
  const around = enclosing === null ? null : wrapped(source, [{ name: source.name, enclosing }]);
  const survey = surveyOf(around === null ? result : checkSource(around, modules), modules);
  const subject = { file: toText(source.name), readAs: around === null ? null : enclosing };
  if (json) {
    printJson(reportJson(subject, survey));
  } else {
    print(reportText(subject, survey, colored(1) ? COLOURED : PLAIN, pageWidth()));
  }
  const verdict = verdictOf(survey);
  return verdict === 'supported' || verdict === 'without effect' ? 0 : 1;
}

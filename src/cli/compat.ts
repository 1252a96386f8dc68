/** `tsproxy compat [PATH...]`: reports which parts of nginx configurations are supported. */
import { toText } from '../diagnostics/byte-string.js';
import type { Finding } from '../diagnostics/finding.js';
import { COLOURED, PLAIN, type Style } from '../diagnostics/style.js';
import type { Enclosing } from '../fragments/blocks.js';
import type { Version } from '../lints/release/version.js';
import { modules as builtIn } from '../modules/index.js';
import { checkWithModuleFiles } from '../process/checked-modules.js';
import { printError } from '../process/standard-streams.js';
import { isAccepted, ofRelease, releaseJson, releaseText } from './compat/release-report.js';
import { reportJson, reportText, type Subject, verdictOf } from './compat/report.js';
import { joined, type Survey, surveyOf } from './compat/survey.js';
import { diagnose } from './diagnosis.js';
import { distinctFindings } from './distinct-findings.js';
import { globalsOf } from './invocation.js';
import { printFindings } from './print-findings.js';
import { print, printJson } from './stdout.js';
import { colored, pageWidth } from './terminal.js';
import { checkTested, diagnoseTested, type TestedArgument, testedArgument } from './tested-source.js';

export interface CompatOptions {
  readonly c?: string;
  readonly p?: string;
  readonly g?: string;
  readonly as?: Enclosing;
  readonly nginx?: Version;
  readonly allowUnsupported?: true;
  readonly json?: true;
}

/** Report about what one argument names. */
interface Report {
  readonly json: unknown;
  text(style: Style, width: number): string;
  /** Whether there is nothing to change. */
  readonly passes: boolean;
}

/** Prints a report for each path. Returns the exit code: 0 if everything is supported, without effect, or in the release. */
export async function compat(named: readonly string[], options: CompatOptions): Promise<number> {
  const { nginx: release } = options;
  const reports: Report[] = [];
  let code = 0;
  for (const file of named.length === 0 ? [options.c] : named) {
    const argument = await argumentOf(file, options);
    const report =
      argument === null
        ? null
        : await (release === undefined ? reportOf(argument) : reportForRelease(argument, release));
    if (report !== null) reports.push(report);
    if (report?.passes !== true) code = 1;
  }
  if (options.json) {
    const all = reports.map(({ json }) => json);
    // One path gives one object, as a configuration without a path does.
    printJson(named.length > 1 ? all : all[0]);
  } else {
    const style = colored(1) ? COLOURED : PLAIN;
    print(reports.map((report) => report.text(style, pageWidth())).join('\n'));
  }
  return code;
}

/** The texts that an argument names; null if there are none, which is printed. */
async function argumentOf(file: string | undefined, options: CompatOptions): Promise<TestedArgument | null> {
  const which = { file, prefix: options.p, errorLog: undefined, globals: globalsOf(options) };
  try {
    return await testedArgument(which, options.as ?? null);
  } catch (error) {
    printError(`tsproxy: [emerg] ${toText((error as Error).message)}`);
    return null;
  }
}

/** Report about a release of nginx. */
async function reportForRelease({ name, texts }: TestedArgument, release: Version): Promise<Report> {
  const [file, version] = [toText(name), release.join('.')];
  const all: Finding[] = [];
  for (const tested of texts) {
    const { findings } = await diagnoseTested(tested, (source) => diagnose(source, [], false, release));
    all.push(...ofRelease(findings));
  }
  const findings = distinctFindings(all);
  return {
    json: releaseJson(file, version, findings),
    text: (style, width) => releaseText(file, version, findings, style, width),
    passes: isAccepted(findings),
  };
}

/** Report about what is supported; null if no text can be read. Prints why a text cannot be. */
async function reportOf({ name, texts, tree }: TestedArgument): Promise<Report | null> {
  const surveys: Survey[] = [];
  for (const tested of texts) {
    const { result, modules } = await checkTested(tested, (source) => checkWithModuleFiles(source, builtIn));
    if (result.expansion === null) printFindings(result.findings);
    else surveys.push(surveyOf(result, modules));
  }
  if (surveys.length === 0) return null;
  const readAs = tree === null ? (texts[0]?.parts[0]?.enclosing ?? null) : null;
  const subject: Subject = { file: toText(name), readAs };
  const survey = joined(surveys);
  return {
    json: reportJson(subject, survey),
    text: (style, width) => reportText(subject, survey, style, width),
    passes: surveys.length === texts.length && ['supported', 'without effect'].includes(verdictOf(survey)),
  };
}

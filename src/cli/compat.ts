/** `tsproxy compat [PATH...]`: reports which parts of nginx configurations are supported. */
import { toText } from '../diagnostics/byte-string.js';
import type { Finding } from '../diagnostics/finding.js';
import { COLOURED, PLAIN } from '../diagnostics/style.js';
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

/** Prints a report about a release of nginx for each path. Returns the exit code: 0 if it accepts all of them. */
async function compatWithRelease(named: readonly string[], options: CompatOptions, release: Version): Promise<number> {
  const version = release.join('.');
  const reports: { readonly file: string; readonly findings: readonly Finding[] }[] = [];
  let code = 0;
  for (const file of named.length === 0 ? [options.c] : named) {
    const argument = await argumentOf(file, options);
    if (argument === null) {
      code = 1;
      continue;
    }
    const all: Finding[] = [];
    for (const tested of argument.texts) {
      const { findings } = await diagnoseTested(tested, (source) => diagnose(source, [], false, release));
      all.push(...ofRelease(findings));
    }
    const findings = distinctFindings(all);
    reports.push({ file: toText(argument.name), findings });
    if (!isAccepted(findings)) code = 1;
  }
  if (options.json) {
    const all = reports.map(({ file, findings }) => releaseJson(file, version, findings));
    printJson(named.length > 1 ? all : all[0]);
  } else {
    const style = colored(1) ? COLOURED : PLAIN;
    print(reports.map(({ file, findings }) => releaseText(file, version, findings, style, pageWidth())).join('\n'));
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

/** Prints a report for each path. Returns the exit code: 0 if everything is supported or without effect. */
export async function compat(named: readonly string[], options: CompatOptions): Promise<number> {
  if (options.nginx !== undefined) return compatWithRelease(named, options, options.nginx);
  const reports: { readonly subject: Subject; readonly survey: Survey }[] = [];
  let code = 0;
  for (const file of named.length === 0 ? [options.c] : named) {
    const argument = await argumentOf(file, options);
    if (argument === null) {
      code = 1;
      continue;
    }
    const surveys: Survey[] = [];
    for (const tested of argument.texts) {
      const { result, modules } = await checkTested(tested, (source) => checkWithModuleFiles(source, builtIn));
      if (result.expansion === null) {
        printFindings(result.findings);
        code = 1;
      } else {
        surveys.push(surveyOf(result, modules));
      }
    }
    if (surveys.length === 0) continue;
    const readAs = argument.tree === null ? (argument.texts[0]?.parts[0]?.enclosing ?? null) : null;
    const survey = joined(surveys);
    reports.push({ subject: { file: toText(argument.name), readAs }, survey });
    const verdict = verdictOf(survey);
    if (verdict !== 'supported' && verdict !== 'without effect') code = 1;
  }
  if (options.json) {
    const all = reports.map(({ subject, survey }) => reportJson(subject, survey));
    // One path gives one object, as a configuration without a path does.
    printJson(named.length > 1 ? all : all[0]);
  } else {
    const style = colored(1) ? COLOURED : PLAIN;
    print(reports.map(({ subject, survey }) => reportText(subject, survey, style, pageWidth())).join('\n'));
  }
  return code;
}

/** All findings about a configuration: of the checker, the lints and a dry-run start, without the suppressed ones. */
import { closeSync } from 'node:fs';
import { offsetOf } from '../../grammar/positions.js';
import type { Source, Span, Word } from '../../grammar/syntax-tree.js';
import { arrange, type CheckResult } from '../config/check.js';
import type { CheckedConfig } from '../config/checked-config.js';
import { declaredNames } from '../config/environment-argument.js';
import type { ErrorLogData } from '../config/error-log-argument.js';
import type { Expansion } from '../config/include.js';
import type { Place } from '../config/place.js';
import { unexpandedHelp } from '../config/unexpanded-template.js';
import { errnoText } from '../diagnostics/errno.js';
import type { Finding } from '../diagnostics/finding.js';
import { IgnoreComments } from '../diagnostics/ignore-comments.js';
import type { Version } from '../lints/release/version.js';
import type { ErrorLog } from '../logging/error-log.js';
import { openLogFile } from '../logging/log-file.js';
import { type ConfigSource, confDirectoryOf } from '../process/configuration.js';
import { defaultFile, mainSettings, temporaryPaths } from '../process/main-settings.js';
import { checkNamed } from '../process/named-modules.js';
import { ownerOf } from '../process/ownership.js';
import { checkPidFile } from '../process/pid-file.js';
import { runtimePidFile } from '../process/runtime-pid-file.js';
import { checkTemporaryDirectories } from '../process/temporary-directories.js';
import { compileRoutingTable, StartError } from '../program/compiler.js';
import type { Module } from '../program/module.js';
import { UncaughtFindings } from './uncaught-findings.js';

export interface Diagnosis {
  readonly config: CheckedConfig | null;
  /** Findings that are not suppressed. */
  readonly findings: readonly Finding[];
  readonly sources: readonly Source[];
  readonly modules: readonly Module[];
}

/**
 * Checks, lints, and attempts a dry-run start.
 *
 * @param ignored codes whose warnings and hints are suppressed
 * @param machine whether the text is meant for this machine: without it, only the text is examined
 * @param release release of nginx that the text is meant for instead of tsproxy; then only the text is examined
 */
export async function diagnose(
  source: ConfigSource,
  ignored: readonly string[],
  machine = true,
  release: Version | null = null,
): Promise<Diagnosis> {
  if (release !== null) return diagnoseForRelease(source, ignored, release);
  const { result, modules } = await checkNamed(source);
  const [{ lintAndProbe }, { NAMED_LINTS }] = await Promise.all([
    import('../lints/engine/run.js'),
    import('../lints/engine/named-lints.js'),
  ]);
  const { config, findings, sources, expansion } = await lintAndProbe(result, NAMED_LINTS, {
    directory: confDirectoryOf(source),
    defaultPidFile: () => defaultFile(source.prefix, 'logs/nginx.pid') ?? runtimePidFile(source),
    machine,
  });
  const comments = new IgnoreComments(sources);
  const reported = [...comments.unsuppressed(findings)];
  const known = reported.length;
  if (comments.size > 0) {
    const { allStories } = await import('./code-stories.js');
    const codePages = new Map((await allStories()).map((each) => [each.code, each]));
    const isKnownCode = (code: string) => (codePages.get(code)?.probes === true ? 'sometimes' : codePages.has(code));
    reported.push(...comments.unused(isKnownCode, [...codePages.keys()], config !== null));
  }
  // A dry-run start shows only the first obstacle; the lints' findings are reported already.
  const attemptsStart = machine && config !== null && !reported.some(({ severity }) => severity === 'error');
  if (attemptsStart) {
    const [refusal, uncaught] = await new UncaughtFindings().during((errorLog) =>
      startFailure(config, modules, source.prefix, result, errorLog),
    );
    if (refusal !== null) reported.push(refusal);
    reported.push(...uncaught);
  }
  const ordered = expansion === null || reported.length === known ? reported : arrange(reported, sources, expansion);
  const declared = declaredNames(expansion?.statements ?? []);
  const wanted = ordered
    .filter(({ code, severity }) => severity === 'error' || !ignored.includes(code))
    .map((finding) => withTemplateHelp(finding, declared));
  return { config, findings: wanted, sources, modules };
}

/** Findings for a release of nginx: those of the checker and the lints that hold for it, and those about the release. */
async function diagnoseForRelease(
  source: ConfigSource,
  ignored: readonly string[],
  release: Version,
): Promise<Diagnosis> {
  const [{ lintAndProbe }, { NAMED_LINTS }, { checkForRelease }, { allowingUnsupported }] = await Promise.all([
    import('../lints/engine/run.js'),
    import('../lints/engine/named-lints.js'),
    import('../lints/release/check.js'),
    import('./invocation.js'),
  ]);
  // Features that tsproxy lacks do not hide findings about others.
  const { result, modules } = await checkNamed({ ...source, globals: allowingUnsupported(source.globals) });
  const linted = await lintAndProbe(result, NAMED_LINTS, { directory: confDirectoryOf(source), machine: false });
  const { config, sources, expansion } = linted;
  const reported = [...new IgnoreComments(sources).unsuppressed(checkForRelease(linted, modules, release))];
  const findings = expansion === null ? reported : arrange(reported, sources, expansion);
  const wanted = findings.filter(({ code, severity }) => severity === 'error' || !ignored.includes(code));
  return { config, findings: wanted, sources, modules };
}

/** Codes about values, which are always reported for an unfilled template placeholder. */
const VALUE_CODES: ReadonlySet<string> = new Set(['invalid-value', 'host-not-found', 'cannot-start']);

/** Adds help about unfilled templates to the finding if its value is a placeholder. */
function withTemplateHelp(finding: Finding, declared: ReadonlySet<string>): Finding {
  const { code, message, at } = finding;
  if (!VALUE_CODES.has(code)) return finding;
  const help = unexpandedHelp(`${message} ${at?.source.text.slice(at.start, at.end) ?? ''}`, declared);
  return help === null ? finding : { ...finding, help };
}

/** The reason why the configuration could not be started, as far as it can be determined without listening. */
async function startFailure(
  config: CheckedConfig,
  modules: readonly Module[],
  prefix: string,
  { sources, expansion }: CheckResult,
  errorLog: ErrorLog,
): Promise<Finding | null> {
  try {
    const { user, masterProcess, errorLogs, pid } = mainSettings(config, prefix);
    if (masterProcess || user !== null) ownerOf(user, config.places?.user?.[0] ?? null);
    checkTemporaryDirectories(temporaryPaths(config));
    for (const data of errorLogs) checkLogOpens(data);
    await compileRoutingTable(config, modules, { errorLog, prefix, onlyTest: true });
    if (pid !== null) checkPidFile(pid);
    return null;
  } catch (error) {
    const place = error instanceof StartError ? error.at : null;
    const message = error instanceof Error ? error.message : String(error);
    const at = spanOf(place, sources) ?? (expansion === null ? null : wordFor(message, expansion));
    return { code: 'cannot-start', severity: 'error', message, at };
  }
}

/** The word at a place. */
function spanOf(place: Place | null, sources: readonly Source[]): Span | null {
  const source = sources.find(({ name }) => name === place?.file);
  if (place === null || source === undefined) return null;
  const start = offsetOf(source, place);
  const length = /^[^\s;{]*/.exec(source.text.slice(start, start + 200))?.[0].length ?? 0;
  return { source, start, end: start + length };
}

/** Opens a log of the main context, as a start would; throws nginx's message. */
function checkLogOpens(data: ErrorLogData): void {
  if (data.syslog !== undefined || data.memory !== undefined || data.destination === 'stderr') return;
  try {
    closeSync(openLogFile(data.destination));
  } catch (error) {
    throw new Error(`open() "${data.destination}" failed (${errnoText(error)})`);
  }
}

/** First word that a message refers to: a path, or its end, or the argument of a directive that it names. */
function wordFor(message: string, expansion: Expansion): Span | null {
  const [, quoted] = /"([^"]+)"/.exec(message) ?? [];
  if (quoted === undefined) return null;
  const open = [expansion.statements];
  for (let statements = open.pop(); statements !== undefined; statements = open.pop()) {
    for (const { name, args, block } of statements) {
      const isMeant = ({ text }: Word) =>
        quoted.startsWith('/') ? text !== '' && (text === quoted || quoted.endsWith(`/${text}`)) : text === quoted;
      const word = quoted.startsWith('/') || message.includes(` ${name.text} `) ? args.find(isMeant) : undefined;
      if (word !== undefined) return word;
      if (block !== null) open.push(expansion.inside(block));
    }
  }
  return null;
}

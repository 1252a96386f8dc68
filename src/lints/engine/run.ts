/** Runs lints over what a check has read. */

import type { Span } from '../../../grammar/syntax-tree.js';
import { arrange, type CheckResult } from '../../config/check.js';
import type { Expansion } from '../../config/include.js';
import type { Finding } from '../../diagnostics/finding.js';
import type { Lint, LintContext, NamedLint } from './lint.js';
import { type Scope, type ScopeKind, scopesOf } from './scope.js';

export interface LintOptions {
  /** Where relative paths start from; with its final slash. */
  readonly directory: string;
  /** Path of the pid file of a configuration that names none; null where there is none. Bytes. */
  readonly defaultPidFile?: () => string | null;
}

/** The result with what the lints find in the text. An error among that does not take the configuration away. */
export function lint(result: CheckResult, lints: readonly Lint[], options: LintOptions): CheckResult {
  if (result.expansion === null) return result;
  const view = new View(result, result.expansion, options);
  const concerned = lints.filter(({ on }) => view.concerns(on));
  for (const one of concerned) one.check?.(view.contextOf(one));
  return merged(result, result.expansion, view.findings, concerned);
}

/**
 * Like `lint`, and asks the machine as well: files, names of hosts, ports. All at the same time. Of lints that are only
 * named, those that have nothing to say are not loaded.
 */
export async function lintAndProbe(
  result: CheckResult,
  lints: readonly (Lint | NamedLint)[],
  options: LintOptions,
): Promise<CheckResult> {
  if (result.expansion === null) return result;
  const view = new View(result, result.expansion, options);
  const concerned = await Promise.all(
    lints.filter(({ on }) => view.concerns(on)).map(async (one) => ('load' in one ? (await one.load()).default : one)),
  );
  const probes = concerned.map((one) => one.probe?.(view.contextOf(one)));
  for (const one of concerned) one.check?.(view.contextOf(one));
  await Promise.all(probes);
  return merged(result, result.expansion, view.findings, concerned);
}

/** Whether an unquoted word has a placeholder of a template, which is an error already, in the place of its value. */
function hasPlaceholder({ source, start, end }: Span): boolean {
  return /^[^\s"';]*\{\{/.test(source.text.slice(start, end));
}

function merged(
  result: CheckResult,
  expansion: Expansion,
  reported: readonly Finding[],
  lints: readonly Lint[],
): CheckResult {
  const added = reported.filter(({ at }) => at === null || !hasPlaceholder(at));
  if (added.length === 0) return result;
  const replaces = new Map<string, string | undefined>(lints.map(({ code, replaces }) => [code, replaces]));
  const replaced = new Set(added.map(({ code, at }) => `${replaces.get(code)} ${at?.source.name} ${at?.start}`));
  const kept = result.findings.filter(({ code, at }) => !replaced.has(`${code} ${at?.source.name} ${at?.start}`));
  return { ...result, findings: arrange([...kept, ...added], result.sources, expansion) };
}

/** One configuration, as all lints see it. */
class View {
  readonly findings: Finding[] = [];
  private readonly main: Scope;
  private readonly byKind = new Map<ScopeKind, Scope[]>();
  private readonly texts = new Map<string, boolean>();
  private lower: readonly string[] | null = null;

  constructor(
    private readonly result: CheckResult,
    expansion: Expansion,
    private readonly options: LintOptions,
  ) {
    this.main = scopesOf(expansion);
    for (const scope of this.main.all()) {
      const others = this.byKind.get(scope.kind);
      if (others === undefined) this.byKind.set(scope.kind, [scope]);
      else others.push(scope);
    }
  }

  /** Whether one of these directives or texts is written anywhere. */
  concerns(on = ''): boolean {
    return on === '' || on.split(' ').some((name) => this.has(name));
  }

  private has(name: string): boolean {
    return name.startsWith('*') ? this.mentions(name.slice(1)) : this.main.written(name).length > 0;
  }

  private mentions(text: string): boolean {
    let known = this.texts.get(text);
    if (known === undefined) {
      this.lower ??= this.result.sources.map((source) => source.text.toLowerCase());
      known = this.lower.some((source) => source.includes(text));
      this.texts.set(text, known);
    }
    return known;
  }

  contextOf({ code, severity }: Lint): LintContext {
    const { config, findings, sources } = this.result;
    return {
      main: this.main,
      written: (name) => this.main.written(name),
      mentions: (text) => this.mentions(text),
      config,
      findings,
      sources,
      scopes: (kind) => this.byKind.get(kind) ?? [],
      defaultPidFile: () => this.options.defaultPidFile?.() ?? null,
      path: (relative) => (relative.startsWith('/') ? relative : this.options.directory + relative),
      report: (at, message, remarks = {}) => this.findings.push({ severity, ...remarks, code, message, at }),
    };
  }
}

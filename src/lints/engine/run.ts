/** Runs lints over a checked configuration. */

import type { Span } from '../../../grammar/syntax-tree.js';
import { arrange, type CheckResult } from '../../config/check.js';
import type { Expansion } from '../../config/include.js';
import type { Finding } from '../../diagnostics/finding.js';
import type { Lint, LintContext, NamedLint } from './lint.js';
import { type Scope, type ScopeKind, scopesOf } from './scope.js';

export interface LintOptions {
  /** Base of relative paths, with trailing slash. */
  readonly directory: string;
  /** Default path of the pid file; null if there is none. Byte string. */
  readonly defaultPidFile?: () => string | null;
  /** Whether the machine is probed (default: true). */
  readonly machine?: boolean;
}

/** Adds the findings of the lints that use the text only. An error among them does not remove the configuration. */
export function lint(result: CheckResult, lints: readonly Lint[], options: LintOptions): CheckResult {
  if (result.expansion === null) return result;
  const view = new View(result, result.expansion, options);
  const applicable = lints.filter((one) => view.applies(one.on) && view.isConclusive(one));
  for (const one of applicable) one.check?.(view.contextOf(one));
  return merged(result, result.expansion, view.findings, applicable);
}

/**
 * Like `lint`, and also probes the machine (files, host names, ports), all concurrently. A `NamedLint` is loaded only if
 * it applies to the configuration.
 */
export async function lintAndProbe(
  result: CheckResult,
  lints: readonly (Lint | NamedLint)[],
  options: LintOptions,
): Promise<CheckResult> {
  if (result.expansion === null) return result;
  const view = new View(result, result.expansion, options);
  const applicable = await Promise.all(
    lints.filter(({ on }) => view.applies(on)).map(async (one) => ('load' in one ? (await one.load()).default : one)),
  );
  const conclusive = applicable.filter((one) => view.isConclusive(one));
  const probes = options.machine === false ? [] : conclusive.map((one) => one.probe?.(view.contextOf(one)));
  for (const one of conclusive) one.check?.(view.contextOf(one));
  await Promise.all(probes);
  return merged(result, result.expansion, view.findings, applicable);
}

/** Whether an unquoted word contains a template placeholder instead of a value, which is reported as an error already. */
function hasPlaceholder({ source, start, end }: Span): boolean {
  return /^[^\s"';]*\{\{/.test(source.text.slice(start, end));
}

function merged(
  result: CheckResult,
  expansion: Expansion,
  reported: readonly Finding[],
  lints: readonly Lint[],
): CheckResult {
  const { failures } = result;
  const added = reported.filter(({ at }) => at === null || (!hasPlaceholder(at) && !failures.affects(at)));
  if (added.length === 0) return result;
  const replaces = new Map<string, string | undefined>(lints.map(({ code, replaces }) => [code, replaces]));
  const replaced = new Set(added.map(({ code, at }) => `${replaces.get(code)} ${at?.source.name} ${at?.start}`));
  const remaining = result.findings.filter(({ code, at }) => !replaced.has(`${code} ${at?.source.name} ${at?.start}`));
  return { ...result, findings: arrange([...remaining, ...added], result.sources, expansion) };
}

/** View of one configuration, shared by all lints. */
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

  /** Whether the configuration contains one of these directives or texts. */
  applies(on = ''): boolean {
    return on === '' || on.split(' ').some((name) => this.has(name));
  }

  /** Whether what a lint finds missing cannot be a statement that failed. */
  isConclusive({ absence }: Lint): boolean {
    return absence !== true || this.result.failures.all.length === 0;
  }

  private has(name: string): boolean {
    return name.startsWith('*') ? this.mentions(name.slice(1)) : this.main.written(name).length > 0;
  }

  private mentions(text: string): boolean {
    let found = this.texts.get(text);
    if (found === undefined) {
      this.lower ??= this.result.sources.map((source) => source.text.toLowerCase());
      found = this.lower.some((source) => source.includes(text));
      this.texts.set(text, found);
    }
    return found;
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
      report: (at, message, overrides = {}) => this.findings.push({ severity, ...overrides, code, message, at }),
    };
  }
}

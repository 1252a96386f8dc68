/**
 * Check of a configuration for a release of nginx (`-t --nginx 1.28.0`): directives, parameters and variables that the release
 * does not have, those that it has removed or deprecated, defaults that were different, and known vulnerabilities.
 */
import type { Span, Statement } from '../../../grammar/syntax-tree.js';
import { Catalogue } from '../../config/catalogue.js';
import type { CheckResult } from '../../config/check.js';
import type { Context } from '../../config/directive.js';
import { knownDirectives } from '../../config/foreign/known-directives.js';
import type { ModuleDeclaration } from '../../config/module-declaration.js';
import { nginxVersionOf } from '../../config/nginx-versions.js';
import type { Finding } from '../../diagnostics/finding.js';
import { COMMAND_LINE } from '../../diagnostics/place.js';
import { type Scope, scopesOf } from '../engine/scope.js';
import { ADVISORIES, type Advisory } from './advisories.js';
import { DEFAULTS } from './defaults.js';
import { ENTRIES, PARAMETERS } from './parameters.js';
import { REMOVED } from './removed.js';
import { variableSince } from './variables.js';
import { isAtLeast, isFixed, isInRanges, type Version } from './version.js';

/**
 * Adds the findings for a release. Findings of the checker about features that only tsproxy lacks are left out, and those about
 * deprecated directives are replaced.
 */
export function checkForRelease(
  result: CheckResult,
  modules: readonly ModuleDeclaration[],
  version: Version,
): readonly Finding[] {
  const { expansion, findings, uses } = result;
  if (expansion === null) return findings;
  const main = scopesOf(expansion);
  const check = new ReleaseCheck(version, new Catalogue(modules));
  for (const scope of main.all()) check.scope(scope);
  for (const { name, at } of uses) check.variable(name, at);
  check.defaults(main);
  check.advisories(main);
  return [...findings.filter((each) => !isOfTsproxy(each)), ...check.findings];
}

/** Whether a finding concerns tsproxy only, or is replaced by one for the release. */
function isOfTsproxy({ code, message }: Finding): boolean {
  if (code === 'no-effect') return message.endsWith(' is not supported');
  if (code === 'unknown-directive') return REMOVED_NAMES.has(/"(.*)"/.exec(message)?.[1] ?? '');
  return OF_TSPROXY.has(code);
}

const REMOVED_NAMES: ReadonlySet<string> = new Set(
  REMOVED.filter(({ word }) => word === undefined).flatMap(({ names }) => names.split(' ')),
);

const OF_TSPROXY: ReadonlySet<string> = new Set([
  'nginx-only-directive',
  'nginx-only-variable',
  'missing-package',
  'built-in-module',
  'deprecated',
]);

class ReleaseCheck {
  readonly findings: Finding[] = [];
  private readonly name: string;

  constructor(
    private readonly version: Version,
    private readonly catalogue: Catalogue,
  ) {
    this.name = `nginx ${version.join('.')}`;
  }

  scope(scope: Scope): void {
    if (scope.kind === 'entries') {
      for (const { block, name, since } of ENTRIES) {
        if (scope.directive !== block || isAtLeast(this.version, since)) continue;
        for (const statement of scope.own(name)) this.lacks(statement.name, `parameter "${name}" of "${block}"`, since);
      }
      return;
    }
    for (const statement of scope.statements) {
      if (!this.removed(statement) && this.directive(statement, scope)) this.parameters(statement, scope);
    }
  }

  variable(name: string, at: Span): void {
    const since = variableSince(name);
    if (since !== null && !isAtLeast(this.version, since)) this.lacks(at, `variable "$${name}"`, since);
    else if (this.isOwnVariable(name)) this.own(at, `variable "$${name}"`);
  }

  defaults(main: Scope): void {
    for (const { directive, since, before, severity, concerns, write } of DEFAULTS) {
      if (isAtLeast(this.version, since)) continue;
      for (const at of concerns(main)) {
        const message = `before nginx ${since}, "${directive}" has another default: ${before}`;
        this.findings.push({ code: 'nginx-default', severity, message, at, help: `write: ${write}` });
      }
    }
  }

  advisories(main: Scope): void {
    for (const advisory of ADVISORIES) {
      if (!isInRanges(this.version, advisory.vulnerable) || isFixed(this.version, advisory.fixed)) continue;
      const [at] = advisory.condition(main);
      if (at === undefined) continue;
      const { cve, problem, fixed, severity, avoid } = advisory;
      this.findings.push({
        code: 'nginx-vulnerable',
        severity: SEVERITIES[severity],
        message: `${this.name} has ${cve} (${severity}): ${problem}`,
        at,
        help: `fixed in nginx ${fixed.replaceAll(', ', ' and ')}; packages of distributions may have the fix under an older version${avoid === undefined ? '' : `; to avoid it: ${avoid}`}`,
      });
    }
  }

  /** Reports a removed or deprecated directive or parameter; returns whether the release refuses it. */
  private removed(statement: Statement): boolean {
    let isRemoved = false;
    for (const { names, word, deprecated, removed, instead } of REMOVED) {
      if (!names.split(' ').includes(statement.name.text)) continue;
      const at = word === undefined ? statement.name : statement.args.find(({ text }) => word.test(text));
      if (at === undefined) continue;
      const what = word === undefined ? `"${statement.name.text}"` : `"${at.text}" of "${statement.name.text}"`;
      if (removed !== undefined && isAtLeast(this.version, removed)) {
        isRemoved = true;
        const message = `${what} was removed in nginx ${removed}`;
        this.findings.push({ code: 'nginx-removed', severity: 'error', message, at, help: instead });
      } else if (deprecated !== undefined && isAtLeast(this.version, deprecated)) {
        const message = `${what} is deprecated since nginx ${deprecated}`;
        this.findings.push({ code: 'nginx-deprecated', severity: 'warning', message, at, help: instead });
      }
    }
    return isRemoved;
  }

  /** Reports a directive that the release does not have; returns whether it has it. */
  private directive({ name }: Statement, { kind }: Scope): boolean {
    const contexts: readonly Context[] =
      kind === 'if' ? ['if in server', 'if in location'] : kind === 'entries' ? [] : [kind];
    const declared = contexts
      .map((context) => this.catalogue.find(name.text, context))
      .find((each) => each !== undefined);
    const known = knownDirectives(name.text);
    if (known.length === 0) {
      // `allow_unsupported` on the command line is set by this check itself.
      if (declared !== undefined && name.source.name !== COMMAND_LINE) this.own(name, `directive "${name.text}"`);
      return false;
    }
    const makers = new Set(known.map(({ maker }) => maker));
    if (!makers.has('nginx')) {
      if (makers.has('nginx Plus') && !makers.has('third party')) {
        const message = `only nginx Plus has the directive "${name.text}"`;
        this.findings.push({ code: 'nginx-lacks', severity: 'error', message, at: name });
      }
      return false;
    }
    const module = declared?.module.name ?? (kind === 'upstream' ? 'upstream' : '');
    const since = nginxVersionOf(name.text, module);
    if (since === null || isAtLeast(this.version, since)) return true;
    this.lacks(name, `directive "${name.text}"`, since);
    return false;
  }

  private parameters({ name, args }: Statement, scope: Scope): void {
    for (const { names, word, since, within } of PARAMETERS) {
      if (isAtLeast(this.version, since) || (within !== undefined && scope.kind !== within)) continue;
      if (!names.split(' ').some((each) => isNamed(name.text, each))) continue;
      const at = args.find(({ text }) => word.test(text));
      if (at !== undefined) this.lacks(at, `parameter "${at.text}" of "${name.text}"`, since);
    }
  }

  private lacks(at: Span, what: string, since: string): void {
    const message = `${this.name} does not have the ${what}`;
    const help = `nginx has it since version ${since}`;
    this.findings.push({ code: 'nginx-lacks', severity: 'error', message, at, help });
  }

  private own(at: Span, what: string): void {
    const message = `nginx does not have the ${what}`;
    this.findings.push({ code: 'nginx-lacks', severity: 'error', message, at, help: 'it is an extension of tsproxy' });
  }

  /** Whether a variable belongs to a module none of whose directives nginx has. */
  private isOwnVariable(name: string): boolean {
    const module = this.catalogue.modules.find(({ variables }) => variables?.[name] !== undefined);
    const directives = Object.keys(module?.directives ?? {});
    return directives.length > 0 && directives.every((each) => knownDirectives(each).length === 0);
  }
}

/** Whether a directive has a name, or the end of a name after `*`. */
function isNamed(directive: string, name: string): boolean {
  return name.startsWith('*') ? directive.endsWith(name.slice(1)) : directive === name;
}

const SEVERITIES: Readonly<Record<Advisory['severity'], Finding['severity']>> = {
  major: 'warning',
  medium: 'warning',
  low: 'hint',
};

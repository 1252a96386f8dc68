/** Renders the processing steps of a request. */
import type { CandidateOutcome, Explanation, LocationReason, Step } from './explanation.js';
import { type Page, quoted, type Row, visible } from './page.js';

type Of<K extends Step['kind']> = Extract<Step, { kind: K }>;

const REASONS: Readonly<Record<LocationReason, string>> = {
  exact: 'chosen: equal to the URI, which ends the search',
  prefix: 'chosen: the longest prefix, and no regular expression matches',
  'prefix ^~': 'chosen: the longest prefix, and ^~ ends the search',
  regex: 'chosen: the first regular expression that matches',
  none: 'chosen',
  'redirect to slash': 'the URI lacks its last slash: a redirect to it',
};

const OUTCOMES: Readonly<Record<Exclude<CandidateOutcome, 'chosen'>, string>> = {
  shorter: 'a shorter prefix',
  remembered: 'matches as well, but a more specific location is chosen',
  'no match': 'does not match',
  'not tried': 'not tried: the search has ended',
};

export function renderSteps({ steps, upstreams, location }: Explanation, page: Page): void {
  let run: Row[] = [];
  const flush = (): void => {
    page.table(run, '  ');
    run = [];
  };
  steps.forEach((step, i) => {
    const prefix = step.subrequest === true ? 'subrequest: ' : '';
    switch (step.kind) {
      case 'location':
        flush();
        search(step, prefix, page);
        break;
      case 'handler':
        // Handlers that declined, and those whose steps follow, appear only in the JSON.
        if (step.verdict !== 'declined' && !hasParts(steps[i + 1]))
          run.push({ text: `${prefix}${step.phase}: ${step.module}`, remark: verdictText(step) });
        break;
      case 'directive':
        run.push({ text: prefix + step.directive.text, at: step.directive.at, remark: outcome(step) });
        break;
      case 'file':
        run.push({ text: `${prefix}${step.path}`, remark: fileText(step) });
        break;
      case 'redirect': {
        const what = step.to.startsWith('@') ? 'continues in the named location' : 'internal redirect to';
        run.push({ text: `${prefix}${step.by}`, remark: `${what} ${step.to}`, strong: true });
        break;
      }
      case 'status':
        run.push({ text: `${prefix}status ${step.status}`, strong: true });
        break;
      case 'peer':
        run.push({
          text: `${prefix}${upstreams[step.upstream]?.name ?? ''}`,
          remark: `a connection to ${step.address}`,
          strong: true,
        });
        break;
      case 'fields':
        flush();
        renderFieldChanges(step, prefix, page);
        break;
      case 'log':
        run.push({ text: `error log, ${step.level}`, remark: step.message });
        break;
    }
  });
  flush();
  page.line(`  ${page.style.faint('handled in')} ${page.written(location)}`);
}

function fileText({ directory, found }: Of<'file'>): string {
  if (found) return directory ? 'is a directory' : 'exists';
  return directory ? 'is not a directory' : 'is not a file';
}

function hasParts(next: Step | undefined): boolean {
  return next?.kind === 'directive' || next?.kind === 'file';
}

/** Maximum number of non-matching locations shown per search; the JSON contains all. */
const MAX_OTHERS = 20;

function isOther(outcome: CandidateOutcome): boolean {
  return outcome === 'no match' || outcome === 'not tried';
}

function search({ uri, why, considered }: Of<'location'>, prefix: string, page: Page): void {
  page.line(`  ${prefix}a location for ${page.style.strong(visible(uri))}`);
  let others = 0;
  // All matching candidates are shown, and a limited number of the others.
  const shown = considered.filter(({ outcome: result }) => !isOther(result) || others++ < MAX_OTHERS);
  page.table(
    shown.map(({ text, at, outcome: result, depth }) => ({
      text: '  '.repeat(depth) + text,
      at,
      remark: result === 'chosen' ? REASONS[why] : OUTCOMES[result],
      strong: result === 'chosen',
    })),
    '    ',
  );
  if (others > MAX_OTHERS) page.line(`    ${others - MAX_OTHERS} more do not match, or are not tried`);
  if (why === 'none') page.line('    none matches: handled at server level');
}

function verdictText({ verdict, module }: Of<'handler'>): string {
  switch (verdict) {
    case 'ok':
      return 'allowed';
    case 'done':
      return `handled by ${module}`;
    case 'waits':
      return 'still waiting';
    default:
      return `returns ${verdict}`;
  }
}

function outcome({ outcome: result, values, uri, args }: Of<'directive'>): string {
  const parts: string[] = [];
  const own = Object.entries(values).map(([name, value]) => `${name} = ${quoted(value)}`);
  if (result === 'set') parts.push(...own);
  else {
    parts.push(/^\d+$/.test(result) ? `status ${result}` : result);
    parts.push(...own);
  }
  if (uri !== null) parts.push(`the URI becomes ${uri.to}`);
  if (args !== null) parts.push(args.to === '' ? 'without arguments' : `with the arguments ${args.to}`);
  return parts.join(', ');
}

/** Prints a step that changes response header fields. */
export function renderFieldChanges({ module, removed, added }: Of<'fields'>, prefix: string, page: Page): void {
  page.line(`  ${prefix}${module} changes the response header`);
  const { style } = page;
  for (const line of removed) page.line(`    ${style.error(`- ${visible(line)}`)}`);
  for (const line of added) page.line(`    ${style.hint(`+ ${visible(line)}`)}`);
}

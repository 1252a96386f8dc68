/** What happens to a request, step by step, as lines. */
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
  remembered: 'fits as well, but something more specific is chosen',
  'no match': 'does not match',
  'not tried': 'not tried: the search is over',
};

export function renderSteps({ steps, upstreams, location }: Explanation, page: Page): void {
  let run: Row[] = [];
  const flush = (): void => {
    page.table(run, '  ');
    run = [];
  };
  steps.forEach((step, i) => {
    const mark = step.subrequest === true ? 'subrequest: ' : '';
    switch (step.kind) {
      case 'location':
        flush();
        search(step, mark, page);
        break;
      case 'handler':
        // What has nothing to say, or says it by its parts, is in the JSON.
        if (step.verdict !== 'declined' && !hasParts(steps[i + 1]))
          run.push({ text: `${mark}${step.phase}: ${step.module}`, remark: said(step) });
        break;
      case 'directive':
        run.push({ text: mark + step.directive.text, at: step.directive.at, remark: outcome(step) });
        break;
      case 'file':
        run.push({ text: `${mark}${step.path}`, remark: whatIsThere(step) });
        break;
      case 'redirect': {
        const what = step.to.startsWith('@') ? 'goes on in the named location' : 'internal redirect to';
        run.push({ text: `${mark}${step.by}`, remark: `${what} ${step.to}`, strong: true });
        break;
      }
      case 'status':
        run.push({ text: `${mark}status ${step.status}`, strong: true });
        break;
      case 'peer':
        run.push({
          text: `${mark}${upstreams[step.upstream]?.name ?? ''}`,
          remark: `a connection to ${step.address}`,
          strong: true,
        });
        break;
      case 'fields':
        flush();
        fields(step, mark, page);
        break;
      case 'log':
        run.push({ text: `error log, ${step.level}`, remark: step.message });
        break;
    }
  });
  flush();
  page.line(`  ${page.style.faint('handled in')} ${page.written(location)}`);
}

function whatIsThere({ directory, found }: Of<'file'>): string {
  if (found) return directory ? 'is a directory' : 'is there';
  return directory ? 'is no directory' : 'is no file';
}

function hasParts(next: Step | undefined): boolean {
  return next?.kind === 'directive' || next?.kind === 'file';
}

/** Locations that do not fit that are shown of a search; all are in the JSON. */
const MOST_OTHERS = 20;

function isOther(outcome: CandidateOutcome): boolean {
  return outcome === 'no match' || outcome === 'not tried';
}

function search({ uri, why, considered }: Of<'location'>, mark: string, page: Page): void {
  page.line(`  ${mark}a location for ${page.style.strong(visible(uri))}`);
  let others = 0;
  // Those that could have been chosen all count; of the others some are enough.
  const shown = considered.filter(({ outcome: became }) => !isOther(became) || others++ < MOST_OTHERS);
  page.table(
    shown.map(({ text, at, outcome: became, depth }) => ({
      text: '  '.repeat(depth) + text,
      at,
      remark: became === 'chosen' ? REASONS[why] : OUTCOMES[became],
      strong: became === 'chosen',
    })),
    '    ',
  );
  if (others > MOST_OTHERS) page.line(`    ${others - MOST_OTHERS} more do not match, or are not tried`);
  if (why === 'none') page.line('    none fits: the server itself handles it');
}

function said({ verdict, module }: Of<'handler'>): string {
  switch (verdict) {
    case 'ok':
      return 'lets it through';
    case 'done':
      return `${module} takes the request`;
    case 'waits':
      return 'still waits';
    default:
      return `says ${verdict}`;
  }
}

function outcome({ outcome: came, values, uri, args }: Of<'directive'>): string {
  const parts: string[] = [];
  const own = Object.entries(values).map(([name, value]) => `${name} = ${quoted(value)}`);
  if (came === 'set') parts.push(...own);
  else {
    parts.push(/^\d+$/.test(came) ? `status ${came}` : came);
    parts.push(...own);
  }
  if (uri !== null) parts.push(`the URI becomes ${uri.to}`);
  if (args !== null) parts.push(args.to === '' ? 'without arguments' : `with the arguments ${args.to}`);
  return parts.join(', ');
}

/** A step that changes fields of the answer's head. */
export function fields({ module, removed, added }: Of<'fields'>, mark: string, page: Page): void {
  page.line(`  ${mark}${module} changes the head of the answer`);
  const { style } = page;
  for (const line of removed) page.line(`    ${style.error(`- ${visible(line)}`)}`);
  for (const line of added) page.line(`    ${style.hint(`+ ${visible(line)}`)}`);
}

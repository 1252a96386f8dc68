/** Reference of finding codes as Markdown. */
import type { CodeStory } from '../code-stories.js';

/** Text of `docs/codes.md`. */
export function codePage(stories: readonly CodeStory[]): string {
  return `${[
    '<!-- Generated from src/diagnostics/codes.ts and src/lints by `npm run generate`; do not edit. -->',
    '# Codes',
    `Every finding of \`tsproxy -t\` has one of ${stories.length} codes. A code is never renamed or reused, so findings can be searched, counted and silenced by it (see [check.md](check.md)). \`tsproxy code CODE\` prints the same text in the terminal.`,
    '## Findings of the checker',
    'Mostly errors, which prevent a start.',
    ...stories.filter(({ severity }) => severity === null).map(entry),
    '## Findings of the lints',
    'Valid configuration that is likely to be a mistake.',
    ...stories.filter(({ severity }) => severity !== null).map(entry),
  ].join('\n\n')}\n`;
}

function entry({ code, story, severity, probes }: CodeStory): string {
  const facts = [severity, probes ? 'also probes the machine' : null].filter((fact) => fact !== null);
  return [`### ${code}`, ...(facts.length === 0 ? [] : [`*${facts.join('; ')}*`]), story].join('\n\n');
}

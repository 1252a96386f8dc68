/** Reference of finding codes as Markdown. */
import type { CodeStory } from '../code-stories.js';

/** Text of `docs/codes.md`. */
export function codePage(stories: readonly CodeStory[]): string {
  return `${[
    '<!-- Generated from src/diagnostics/codes.ts and src/lints by `npm run generate`; do not edit. -->',
    '# Codes',
    `Every finding of \`tsproxy -t\` has a code: ${stories.length} there are. A code is never renamed or used again, so it can be searched for, counted and silenced (see [check.md](check.md)). \`tsproxy code CODE\` tells the same in the terminal.`,
    '## What the checker finds',
    'Mostly errors: with them nothing starts.',
    ...stories.filter(({ severity }) => severity === null).map(entry),
    '## What the lints find',
    'Right by the language, and still likely to go wrong.',
    ...stories.filter(({ severity }) => severity !== null).map(entry),
  ].join('\n\n')}\n`;
}

function entry({ code, story, severity, probes }: CodeStory): string {
  const facts = [severity, probes ? 'looks at the machine too' : null].filter((fact) => fact !== null);
  return [`### ${code}`, ...(facts.length === 0 ? [] : [`*${facts.join('; ')}*`]), story].join('\n\n');
}

/** `tsproxy code [CODE ...]`: explains codes, or lists all of them. */
import { toBytes } from '../diagnostics/byte-string.js';
import { printError } from '../process/standard-streams.js';
import { allStories, type CodeStory, noSuchCode } from './code-stories.js';
import { wrapped } from './paragraph.js';
import { writeOut } from './stdout.js';

/** Columns of a line. */
const WIDTH = 80;

/** Returns the exit code: 1 if a code does not exist. */
export async function code(names: readonly string[]): Promise<number> {
  const stories = await allStories();
  const explained = names.map((each) => stories.find((story) => story.code === each) ?? each);
  if (names.length === 0) {
    writeOut(toBytes(list(stories)));
    return 0;
  }
  writeOut(
    toBytes(
      explained
        .filter((each) => typeof each !== 'string')
        .map(tell)
        .join('\n'),
    ),
  );
  const unknown = explained.filter((each) => typeof each === 'string');
  for (const each of unknown) printError(noSuchCode(each, stories));
  return unknown.length === 0 ? 0 : 1;
}

function tell({ code: name, story, severity }: CodeStory): string {
  const kind = severity === null ? '' : ` (${severity})`;
  return `${name}${kind}\n${wrapped(story, '  ', WIDTH)}\n`;
}

/** One line per code: the first sentence. */
function list(stories: readonly CodeStory[]): string {
  const width = Math.max(...stories.map((story) => story.code.length));
  return stories
    .map(({ code: name, story }) => {
      const [first = ''] = wrapped(story, '', WIDTH - width - 2).split('\n');
      return `${name.padEnd(width)}  ${first}${first.length < story.length ? ' ...' : ''}\n`;
    })
    .join('');
}

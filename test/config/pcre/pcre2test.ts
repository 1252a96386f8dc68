/** Results of PCRE2's own test program, many expressions in one run. */
import { spawnSync } from 'node:child_process';

/** Captures (undefined: not matched), no match, an error of the search by its number, or `refused` at compile time. */
export type Outcome = readonly (string | undefined)[] | null | number | 'refused';

export interface Question {
  readonly pattern: string;
  readonly caseless?: boolean;
  readonly subject: string;
}

/** Whether the program is installed. */
export function hasPcre2test(): boolean {
  return spawnSync('pcre2test', ['-C', 'linksize']).error === undefined;
}

/** Asks PCRE2's interpreter, or its JIT compiler; `matchLimit` is the limit for each attempt. */
export function askPcre2(questions: readonly Question[], matchLimit: number, jit = false): Outcome[] {
  const input = questions
    .map(({ pattern, caseless, subject }) => {
      const hex = Buffer.from(pattern, 'latin1').toString('hex').replace(/../g, '$& ');
      const escaped = Buffer.from(subject, 'latin1').toString('hex').replace(/../g, '\\x$&');
      return `/${hex}/hex${caseless === true ? ',caseless' : ''}${jit ? ',jit' : ''}\n    ${escaped}\\=match_limit=${matchLimit},ovector=200,allcaptures\n`;
    })
    .join('\n');
  const { stdout } = spawnSync('pcre2test', ['-q'], { input, encoding: 'latin1', maxBuffer: 1 << 30 });
  const answers: string[][] = [];
  for (const line of (stdout ?? '').split('\n')) {
    if (/^\/[0-9a-f ]*\/hex/.test(line)) answers.push([]);
    else answers.at(-1)?.push(line);
  }
  if (answers.length !== questions.length)
    throw new Error(`pcre2test answered ${answers.length} of ${questions.length}`);
  return answers.map(outcomeOf);
}

function outcomeOf(lines: readonly string[]): Outcome {
  const captures: (string | undefined)[] = [];
  for (const line of lines) {
    const failed = /^Failed: error (-?\d+)/.exec(line);
    if (failed !== null) return Number(failed[1]) < 0 ? Number(failed[1]) : 'refused';
    if (line.startsWith('No match')) return null;
    const group = /^ ?(\d+): (.*)$/.exec(line);
    if (group !== null) captures[Number(group[1])] = group[2] === '<unset>' ? undefined : unescaped(group[2] ?? '');
  }
  return captures.length === 0 ? 'refused' : captures;
}

function unescaped(text: string): string {
  return text.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

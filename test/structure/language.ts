/** Comments and identifiers of source files, and the phrasings and names that are not used any more. */
/** First words of comments that do not name their subject. */
export const UNNAMED_SUBJECT = /^(?:What|Who|Whom|Whose|Those|As whom)\b/;

/** Identifiers that were replaced by established terms. */
export const RETIRED_NAMES: ReadonlySet<string> = new Set([
  ...[
    'TableUse',
    'tableUse',
    'ByteFeed',
    'lent',
    'lentStart',
    'lentEnd',
    'stash',
    'stashUsed',
    'goOn',
    'Standing',
    'ELSEWHERE',
  ],
  ...['writeLent', 'writeOwned', 'writeStable', 'tookSome', 'underWay', 'learnFrom'],
  ...['Attempts', 'Sending', 'Relaying', 'letGo', 'cutShort', 'mayAsk', 'UpstreamProtocol', 'weaken'],
  ...['ZoneKeeper', 'ZoneHome', 'LocalHome', 'RemoteHome', 'unanswered'],
  ...['beWorker', 'obey', 'bury', 'Surroundings', 'WorkerSurroundings', 'isOrder', 'isReport'],
  ...['said', 'saidClose', 'toldClose', 'toldOurs', 'insist', 'closeComes', 'orderOf'],
  ...['Notes', 'Remarks', 'Effort', 'patientReader', 'sayToPerson', 'KEEP_NOT', 'NOBODY'],
]);

/** Constants are named `MAX_…`, `MIN_…` and `…_TIMEOUT`. */
export const RETIRED_CONSTANT = /^(?:MOST|LEAST|LONGEST|SHORTEST|LARGEST|DEEPEST|WIDEST)(?:_|$)|(?:^|_)PATIENCE$/;

const TOKEN = new RegExp(
  [
    /(?<comment>\/\*[\s\S]*?\*\/|(?:^[ \t]*\/\/.*\n)+|\/\/.*)/,
    /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[\s\S])*`/,
    /(?<=[(,=:[!&|?{};>]\s*|\breturn\s+|^\s*)\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/\w*/,
    /(?<name>[A-Za-z_$][\w$]*)/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'gm',
);

export interface Located {
  readonly line: number;
  readonly text: string;
}

/** Comments of a file, without their delimiters, and its identifiers (and keywords). Consecutive `//` lines are one comment. */
export function languageOf(text: string): { readonly comments: Located[]; readonly names: Located[] } {
  const comments: Located[] = [];
  const names: Located[] = [];
  let line = 1;
  let counted = 0;
  for (const { index, groups, 0: token } of text.matchAll(TOKEN)) {
    const start = index + token.search(/\S/);
    for (; counted < start; counted++) if (text[counted] === '\n') line++;
    if (groups?.comment !== undefined) comments.push({ line, text: token.replace(/^[\s/*]+/, '') });
    else if (groups?.name !== undefined) names.push({ line, text: token });
  }
  return { comments, names };
}

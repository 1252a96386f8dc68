/** Literal words and parameters of a directive, from its syntax. */
import { CompletionItemKind } from 'vscode-languageserver/node';
import type { DirectiveSpec } from '../../config/directive.js';
import { sentencesAbout } from '../markdown.js';
import { syntaxWords } from '../syntax-words.js';
import type { Candidate } from './candidate.js';

/**
 * @param given words before the cursor
 * @param prefix the word that is being typed
 */
export function argumentCandidates(
  { takes, doc }: DirectiveSpec,
  given: readonly string[],
  prefix: string,
): Candidate[] {
  const { flags, parameters } = syntaxWords(takes.syntax);
  const [, typed] = /^([\w.-]+)=/.exec(prefix) ?? [];
  if (typed !== undefined) {
    return (parameters.get(typed) ?? []).map((value) => ({
      label: `${typed}=${value}`,
      kind: CompletionItemKind.EnumMember,
    }));
  }
  const isGiven = (word: string) => given.some((each) => each === word || each.startsWith(`${word}=`));
  // Words such as `off` stand alone.
  const possible =
    given.length >= takes.max ? [] : flags.filter((flag) => !isGiven(flag) && (flag !== 'off' || given.length === 0));
  return [
    ...possible.map((label) => ({ label, kind: CompletionItemKind.EnumMember, rank: 1, ...detailOf(label, doc) })),
    ...[...parameters.keys()]
      .filter((name) => !isGiven(name))
      .map((name) => ({
        label: `${name}=`,
        kind: CompletionItemKind.Property,
        rank: 2,
        continues: true,
        ...detailOf(name, doc),
      })),
  ];
}

function detailOf(word: string, doc: string): Pick<Candidate, 'detail'> {
  const detail = sentencesAbout(word, doc);
  return detail === '' ? {} : { detail };
}

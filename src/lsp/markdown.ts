/** Documentation of directives and variables as Markdown, for hovers and completions. */
import type { Declared } from '../config/catalogue.js';
import { factsOf } from '../config/directive-facts.js';
import { CONSEQUENCES } from '../config/foreign/findings.js';
import { gravestOf, type KnownDirective, knownDirectives, titleOfModule } from '../config/foreign/known-directives.js';
import { documentUrl } from '../diagnostics/documents.js';

export function codeBlock(text: string): string {
  return `\`\`\`nginx\n${text}\n\`\`\``;
}

/** Page of a directive: syntax, default, contexts, documentation, example and links. */
export function directiveMarkdown({ name, module, spec }: Declared): string {
  const facts = factsOf(module.name, name, spec);
  const table = [
    `Default: ${facts.default === null ? 'none' : `\`${facts.default}\``}`,
    `Context: ${facts.contexts.map((context) => `\`${context}\``).join(', ')}`,
    ...(facts.repeat ? ['May be given several times.'] : []),
    `Since: ${facts.since ?? 'not in nginx'}`,
  ];
  return [
    codeBlock(facts.syntax),
    table.join('  \n'),
    facts.doc,
    ...facts.remarks.map(({ heading, text }) => `**${heading}** ${text}`),
    `Example:\n${codeBlock(facts.example)}`,
    linksOf(name, module.name),
  ].join('\n\n');
}

/** Links to the reference of this project, and to that of nginx if it has the directive. */
function linksOf(name: string, module: string): string {
  const own = `[Reference](${documentUrl(`docs/directives/${module}.md#${name}`)})`;
  const isOfNginx = knownDirectives(name).some(({ maker }) => maker === 'nginx');
  return isOfNginx ? `${own} · [nginx.org](https://nginx.org/r/${name})` : own;
}

/** Page of a directive of nginx or of a well-known module that tsproxy does not have. */
export function foreignMarkdown(name: string, known: readonly KnownDirective[]): string {
  const owners = [...new Set(known.map(titleOfModule))].join(', ');
  const contexts = [...new Set(known.flatMap((each) => each.contexts ?? []))];
  return [
    `**${name}** is a directive of ${owners}. tsproxy does not support it (yet): with \`allow_unsupported\`, ${CONSEQUENCES[gravestOf(known)]}.`,
    ...(contexts.length === 0 ? [] : [`Context: ${contexts.map((context) => `\`${context}\``).join(', ')}`]),
    ...(known.some(({ maker }) => maker === 'nginx') ? [`[nginx.org](https://nginx.org/r/${name})`] : []),
  ].join('\n\n');
}

/** Sentences of a directive's documentation that mention a parameter; empty if there are none. */
export function sentencesAbout(parameter: string, doc: string): string {
  const sentences = doc.match(/(?:[^.`]|`[^`]*`|\.(?=\S))+\.?(?:\s|$)/g) ?? [];
  const name = parameter.replace(/=$/, '').replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const mention = new RegExp(`\`${name}(?:=[^\`]*)?\``);
  return sentences
    .filter((sentence) => mention.test(sentence))
    .map((sentence) => sentence.trim())
    .join(' ');
}

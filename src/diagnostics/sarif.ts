/** Findings as SARIF 2.1.0, for code scanning and editors (https://docs.oasis-open.org/sarif/sarif/v2.1.0/). */

import { pathToFileURL } from 'node:url';
import { positionOf } from '../../grammar/positions.js';
import type { Span } from '../../grammar/syntax-tree.js';
import { toText } from './byte-string.js';
import { fileName } from './file-names.js';
import type { Finding, Fix, Severity } from './finding.js';

/** Description of the tool in a SARIF log. */
export interface Tool {
  readonly version: string;
  /** Address of the project. */
  readonly homepage: string;
  /** Description of a code, in one paragraph of Markdown. */
  readonly storyOf: (code: string) => string;
  /** Address of the description. */
  readonly urlOf: (code: string) => string;
  /** Base of relative file names: an absolute path with trailing slash. */
  readonly directory: string;
}

const LEVELS: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', hint: 'note' };

/** SARIF base id for locations below the directory. */
const ROOT = 'SRCROOT';

/** A SARIF log with one run, as an object for `JSON.stringify`. */
export function findingsToSarif(findings: readonly Finding[], tool: Tool): object {
  const codes = [...new Set<string>(findings.map(({ code }) => code))].sort();
  const indexOf = new Map(codes.map((code, i) => [code, i]));
  return {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'tsproxy',
            version: tool.version,
            informationUri: tool.homepage,
            rules: codes.map((code) => rule(code, tool)),
          },
        },
        // Columns count code points.
        columnKind: 'unicodeCodePoints',
        originalUriBaseIds: { [ROOT]: { uri: pathToFileURL(tool.directory).href } },
        results: findings.map((finding) => result(finding, indexOf.get(finding.code) ?? -1, tool.directory)),
      },
    ],
  };
}

/** Description of a code, which GitHub shows beside its findings. */
function rule(code: string, { storyOf, urlOf }: Tool): object {
  const story = storyOf(code);
  const plain = withoutMarkdown(story);
  return {
    id: code,
    name: code.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    shortDescription: { text: withoutMarkdown(firstSentence(story)) },
    fullDescription: { text: plain },
    help: { text: `${plain}\n\n${urlOf(code)}`, markdown: `${story}\n\n[${code}](${urlOf(code)})` },
    helpUri: urlOf(code),
  };
}

/** The text up to the first full stop that ends a sentence. */
function firstSentence(text: string): string {
  return /^.*?(?<!\b(?:e\.g|i\.e|etc))\.(?=\s|$)/s.exec(text)?.[0] ?? text;
}

/** Removes the backticks of code, the only markup of descriptions. */
function withoutMarkdown(text: string): string {
  return text.replaceAll('`', '');
}

function result(finding: Finding, ruleIndex: number, directory: string): object {
  const { code, severity, message, help, at, related = [], includedFrom = [], fix } = finding;
  const relatedLocations = [
    ...related.map((one) => ({ ...locationOf(one.at, directory), message: text(one.message) })),
    ...[...includedFrom]
      .reverse()
      .map((span) => ({ ...locationOf(span, directory), message: text('included from here') })),
  ];
  return {
    ruleId: code,
    ruleIndex,
    level: LEVELS[severity],
    message: text(help === undefined ? message : `${message}\n${help}`),
    ...(at !== null && { locations: [locationOf(at, directory)] }),
    ...(relatedLocations.length > 0 && { relatedLocations: relatedLocations.map((each, id) => ({ id, ...each })) }),
    ...(fix !== undefined && fix.edits.length > 0 && { fixes: [fixOf(fix, directory)] }),
  };
}

function fixOf({ title, edits }: Fix, directory: string): object {
  const sources = [...new Set(edits.map(({ at }) => at.source))];
  return {
    description: text(title),
    artifactChanges: sources.map((source) => ({
      artifactLocation: artifactOf(source, directory),
      replacements: edits
        .filter(({ at }) => at.source === source)
        .map((edit) => ({ deletedRegion: regionOf(edit.at), insertedContent: text(edit.text) })),
    })),
  };
}

function locationOf(at: Span, directory: string): object {
  return { physicalLocation: { artifactLocation: artifactOf(at.source, directory), region: regionOf(at) } };
}

function artifactOf(source: Span['source'], directory: string): object {
  const name = fileName(source, directory);
  // The text of -g has positions, but no file.
  if (name === null) return { description: text('command line') };
  if (name.startsWith('/')) return { uri: pathToFileURL(name).href };
  const { pathname } = pathToFileURL(`/${name}`);
  return { uri: pathname.slice(1), uriBaseId: ROOT };
}

function regionOf({ source, start, end }: Span): object {
  const from = positionOf(source, start);
  const to = positionOf(source, end);
  return { startLine: from.line, startColumn: from.column, endLine: to.line, endColumn: to.column };
}

function text(bytes: string): { readonly text: string } {
  return { text: toText(bytes) };
}

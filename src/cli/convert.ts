/** `tsproxy convert`: converts the configuration of another program, or between nginx.conf and JSON. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { diskReader, includedFiles } from '../config/reader.js';
import { convertText, type ForeignFormat } from '../convert/convert.js';
import { addFindings, payloadOf } from '../convert/crossplane/files.js';
import { textOf } from '../convert/crossplane/from-payload.js';
import { parseJson, printPayload } from '../convert/crossplane/json-text.js';
import { PayloadMistake, readPayload } from '../convert/crossplane/payload.js';
import { detectFormat, type Format } from '../convert/detect.js';
import { type AuxiliaryFile, SourceMistake } from '../convert/model.js';
import { toBytes, toText } from '../diagnostics/byte-string.js';
import { errnoText } from '../diagnostics/errno.js';
import type { Finding } from '../diagnostics/finding.js';
import { modules as builtIn } from '../modules/index.js';
import { type CheckedModules, checkWithModuleFiles } from '../process/checked-modules.js';
import type { ConfigSource } from '../process/configuration.js';
import { printError } from '../process/standard-streams.js';
import { writeOut } from './stdout.js';
import { checkTested, testedArgument } from './tested-source.js';

export interface ConvertOptions {
  readonly from?: Format;
  readonly to?: 'nginx' | 'json';
  readonly output?: string;
  readonly comments?: true;
  readonly listen?: string;
  readonly singleFile?: true;
}

/** Exit code if the result does not contain everything. */
export const INCOMPLETE = 3;

/** A file that cannot be converted; the message is for people. */
class Refusal extends Error {}

/** Converts a file, or standard input. Returns the exit code: 0, `INCOMPLETE`, or 1 if nothing was written. */
export async function convert(file: string | undefined, options: ConvertOptions): Promise<number> {
  try {
    const name = file === undefined || file === '-' ? null : file;
    if (name === null && process.stdin.isTTY) throw new Refusal('name the file to convert, or - for standard input');
    const text = read(name);
    const format = options.from ?? detectFormat(name ?? '', text);
    if (format === null) throw new Refusal(`the format of "${shown(name)}" is not known; name it with --from`);
    if (format === 'nginx') return await toJson(name, text, options);
    return format === 'json' ? fromJson(name, text, options) : fromForeign(format, name, text, options);
  } catch (error) {
    if (error instanceof SourceMistake) {
      printError(`tsproxy: ${file ?? '<stdin>'}${error.line > 0 ? `:${error.line}` : ''}: ${error.message}`);
    } else if (error instanceof Refusal || error instanceof PayloadMistake) {
      printError(`tsproxy: ${toText(error.message)}`);
    } else throw error;
    return 1;
  }
}

/** The configuration of another program; prints what could not be converted. */
function fromForeign(format: ForeignFormat, name: string | null, bytes: string, options: ConvertOptions): number {
  const shownName = name ?? '<stdin>';
  const { text, missing, files } = convertText(format, basename(shownName), bytes, {
    listen: options.listen ?? null,
    isListed: options.comments === true,
    read: (pattern) => readIncluded(pattern, name),
  });
  writeBeside(files, options.output);
  if (options.to === 'json') {
    const path = toBytes(resolve(options.output ?? 'nginx.conf'));
    write(options.output, printPayload(payloadOf(path, text, { reader: diskReader, single: true })));
  } else {
    write(options.output, text);
  }
  for (const { line, message } of missing) {
    printError(`${shownName}${line > 0 ? `:${line}` : ''}: not converted: ${message}`);
  }
  const isWhole = missing.length === 0 && (files.length === 0 || options.output !== undefined);
  return isWhole ? 0 : INCOMPLETE;
}

function shown(name: string | null): string {
  return toBytes(name ?? '<stdin>');
}

function read(name: string | null): string {
  try {
    return readFileSync(name ?? 0, 'latin1');
  } catch (error) {
    throw new Refusal(`open() "${shown(name)}" failed (${errnoText(error)})`);
  }
}

/** Files that a source includes, by a path or a pattern relative to it. */
function readIncluded(pattern: string, name: string | null): { name: string; text: string }[] {
  const base = name === null ? process.cwd() : dirname(resolve(name));
  return includedFiles(toBytes(pattern), `${toBytes(base)}/`, diskReader).flatMap((path) => {
    try {
      return [{ name: toText(path), text: toText(diskReader.read(path)) }];
    } catch {
      return [];
    }
  });
}

/**
 * Writes the files that a converted configuration names into its directory; none with another content is replaced. Standard output
 * and error have no passwords: they may be kept in logs.
 */
function writeBeside(files: readonly AuxiliaryFile[], output: string | undefined): void {
  for (const { name, text } of files) {
    if (output === undefined) {
      printError(`tsproxy: the configuration needs the file ${name}, which -o writes beside it`);
      continue;
    }
    const path = join(dirname(resolve(output)), name);
    try {
      if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
      writeFileSync(path, text, { flag: 'wx', mode: 0o600 });
      printError(`tsproxy: wrote ${path}`);
    } catch (error) {
      throw new Refusal(`open() "${toBytes(path)}" failed (${errnoText(error)})`);
    }
  }
}

/** The checked configuration as JSON, with its errors. */
async function toJson(name: string | null, text: string, options: ConvertOptions): Promise<number> {
  if (options.to === 'nginx') throw new Refusal(`"${shown(name)}" is in nginx's language; use "tsproxy fmt"`);
  const path = toBytes(resolve(name ?? 'nginx.conf'));
  const payload = payloadOf(path, text, { reader: diskReader, single: options.singleFile === true });
  if (!options.singleFile) addFindings(payload, await findingsOf(name, path, text));
  write(options.output, printPayload(payload));
  return payload.status === 'ok' ? 0 : INCOMPLETE;
}

/** Findings of the check; those of a part of a configuration hold wherever it is included. */
async function findingsOf(name: string | null, path: string, text: string): Promise<readonly Finding[]> {
  const check = (source: ConfigSource): Promise<CheckedModules> => checkWithModuleFiles(source, builtIn);
  if (name === null) {
    const prefix = `${dirname(path)}/`;
    return (await check({ name: path, text, prefix, confDirectory: prefix })).result.findings;
  }
  const { texts } = await testedArgument({ file: name, prefix: undefined, errorLog: undefined, globals: undefined });
  const findings: Finding[] = [];
  for (const tested of texts) findings.push(...(await checkTested(tested, check)).result.findings);
  return findings;
}

function fromJson(name: string | null, text: string, options: ConvertOptions): number {
  if (options.to === 'json') throw new Refusal(`"${shown(name)}" is JSON already`);
  let data: unknown;
  try {
    data = parseJson(toText(text));
  } catch (error) {
    if (error instanceof RangeError) throw new Refusal(`"${shown(name)}" nests too deeply`);
    if (!(error instanceof SyntaxError)) throw error;
    throw new Refusal(`"${shown(name)}" is not JSON: ${toBytes(error.message)}`);
  }
  const { config } = readPayload(data);
  const files = config.map(({ file, parsed }) => ({ file, text: textOf(parsed) }));
  if (files.length === 1 && files[0]) {
    write(options.output, files[0].text);
  } else if (options.output === undefined) {
    // As `nginx -T` prints them.
    writeOut(files.map((each) => `# configuration file ${each.file}:\n${each.text}\n`).join(''));
  } else {
    writeFiles(options.output, files);
  }
  return 0;
}

/** Writes files into a directory, by their paths from that of the first. */
function writeFiles(directory: string, files: readonly { readonly file: string; readonly text: string }[]): void {
  const base = dirname(files[0]?.file ?? '');
  const placed = files.map(({ file, text }) => {
    const inside = base === '.' ? file : file.startsWith(`${base}/`) ? file.slice(base.length + 1) : null;
    const isBelow = inside !== null && !inside.startsWith('/') && !inside.split('/').includes('..');
    if (!isBelow) throw new Refusal(`"${file}" is not below the directory of "${files[0]?.file}"`);
    return { path: join(toBytes(directory), inside), text };
  });
  for (const { path, text } of placed) {
    mkdirSync(Buffer.from(dirname(path), 'latin1'), { recursive: true });
    write(toText(path), text);
  }
}

/** Writes to a file, or to standard output if none is named. */
function write(path: string | undefined, text: string): void {
  if (path === undefined) {
    writeOut(text);
    return;
  }
  try {
    writeFileSync(path, Buffer.from(text, 'latin1'));
  } catch (error) {
    throw new Refusal(`open() "${toBytes(path)}" failed (${errnoText(error)})`);
  }
}

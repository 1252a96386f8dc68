/** Answers of the process that owns the configuration to questions of its workers. */
import type { Source } from '../../grammar/syntax-tree.js';
import { diskReader, textReader } from '../config/reader.js';
import type {
  ConfigurationReport,
  ConfigurationText,
  DifferenceReport,
  ExplainForm,
  ExplainReport,
  GenerationTexts,
  ProcessQuestion,
  ProcessReport,
  Refusal,
  ReloadReport,
} from '../console/process-questions.js';
import { toBytes, toText } from '../diagnostics/byte-string.js';
import type { Finding } from '../diagnostics/finding.js';
import type { JsonFinding } from '../diagnostics/json.js';
import { findingsToJson } from '../diagnostics/json.js';
import { COMMAND_LINE } from '../diagnostics/place.js';
import { renderFindings } from '../diagnostics/render.js';
import { changesInSteps } from '../difference/difference.js';
import { changeLines } from '../difference/lines.js';
import type { ErrorLog } from '../logging/error-log.js';
import type { ProcessCounts } from '../program/process-link.js';
import { inSlices } from '../program/time-slice.js';
import { type ConfigSource, checkInSlices } from './configuration.js';
import { ConfigurationSecrets } from './configuration-secrets.js';
import { CannotAnswer, type LoadTools } from './configuration-tools.js';
import { logFindings, logRefusal } from './finding-log.js';
import type { History, KeptConfiguration, ReadConfiguration } from './history.js';
import { RefusedConfig } from './refused-config.js';
import type { ProcessFigures } from './workers.js';

/** The running proxy. */
export interface AnsweringInstance {
  readonly errorLog: ErrorLog;
  readonly state: { readonly generation: number; readonly since: number };
  readonly workers: { readonly processes?: ProcessFigures } | null;
  reload(): Promise<{ readonly generation: number; readonly findings: readonly Finding[] }>;
}

/** Bytes of a configuration's texts in an answer. */
const MAX_SHOWN = 2 << 20;
const MAX_CHANGES = 1000;
const MAX_FINDINGS = 1000;
/** Maximum number of queued questions about configurations. */
const MAX_WAITING = 20;
const STARTED = Math.round(performance.timeOrigin);

export class ProcessAnswers {
  private reloading = false;
  /** Expensive questions are answered one after the other. */
  private queue: Promise<unknown> = Promise.resolve();
  private waiting = 0;

  constructor(
    private readonly instance: AnsweringInstance,
    private readonly history: History,
    private readonly tools: LoadTools | null,
  ) {}

  /** Never rejects: the answer to an invalid or failed question is a Refusal. */
  async answer(question: unknown): Promise<unknown> {
    try {
      // Questions come from workers with the same code.
      return await this.answerTo(question as ProcessQuestion);
    } catch (error) {
      if (error instanceof CannotAnswer) return { refused: error.message, fault: 'question' } satisfies Refusal;
      this.instance.errorLog.write('alert', `console: ${error instanceof Error ? (error.stack ?? '') : String(error)}`);
      return { refused: 'internal error, see the error log', fault: 'process' } satisfies Refusal;
    }
  }

  private answerTo(question: ProcessQuestion): unknown {
    switch (question.about) {
      case 'counts':
        return this.counts();
      case 'keeping':
        return this.history.keep();
      case 'process':
        return this.process();
      case 'configuration':
        return this.inTurn(() => this.configuration());
      case 'generations':
        return this.history.kept.map(
          ({ generation, since, texts }): GenerationTexts => ({
            generation,
            since,
            files: texts.map(({ name }) => toText(name)),
          }),
        );
      case 'difference':
        return this.inTurn(() => this.difference(this.kept(question.from), this.kept(question.to)));
      case 'explanation':
        return this.inTurn(() => this.explanation(question.form));
      case 'reload':
        return this.reload();
    }
  }

  private async inTurn<T>(answer: () => Promise<T>): Promise<T> {
    if (this.waiting >= MAX_WAITING) throw new CannotAnswer('too many concurrent questions about configurations');
    this.waiting++;
    const turn = this.queue.then(answer).finally(() => this.waiting--);
    this.queue = turn.catch(() => {});
    return turn;
  }

  private counts(): ProcessCounts {
    const { history, instance } = this;
    return {
      ...history.counts,
      loadedAt: instance.state.since,
      restarts: instance.workers?.processes?.restarts ?? 0,
    };
  }

  private process(): ProcessReport {
    const { state, workers } = this.instance;
    const { wanted, serving, lost } = workers?.processes ?? { wanted: 1, serving: 1, lost: [] };
    return {
      ...state,
      started: STARTED,
      reloads: this.history.reloads,
      wantedWorkers: wanted,
      servingWorkers: serving,
      lostWorkers: lost,
    };
  }

  private kept(generation: number): KeptConfiguration {
    const found = this.history.kept.find((each) => each.generation === generation);
    if (found === undefined) throw new CannotAnswer(`the texts of generation ${generation} are not kept`);
    return found;
  }

  private get inForce(): KeptConfiguration {
    const last = this.history.kept.at(-1);
    if (last === undefined) throw new CannotAnswer('the texts of the configuration in force are not kept');
    return last;
  }

  private async configuration(): Promise<ConfigurationReport> {
    const { inForce } = this;
    const { generation, texts, modules } = inForce;
    const secrets = new ConfigurationSecrets();
    let room = MAX_SHOWN;
    const shown = texts.map((source): ConfigurationText => {
      const text = secrets.redact(source);
      const part = text.slice(0, room);
      room -= part.length;
      return { file: toText(source.name), text: toText(part), omitted: text.length - part.length };
    });
    return {
      generation,
      texts: shown,
      findings: findingsOf(await this.findings(keptSource(inForce), modules), secrets),
      changedOnDisk: texts.some((source) => differsOnDisk(inForce, source)),
    };
  }

  private async findings(source: ConfigSource, modules: ReadConfiguration['modules']): Promise<readonly Finding[]> {
    if (this.tools !== null) return (await this.tools()).findings(source, modules);
    return (await checkInSlices(source, modules)).findings;
  }

  private async difference(before: KeptConfiguration, after: KeptConfiguration): Promise<DifferenceReport> {
    const secrets = new ConfigurationSecrets();
    const [one, other] = [
      await checkInSlices(keptSource(before), before.modules),
      await checkInSlices(keptSource(after), after.modules),
    ];
    const modules = [...new Set([...before.modules, ...after.modules])];
    const changes =
      one.config === null || other.config === null
        ? ['the configurations cannot be compared, because files that they refer to have changed']
        : changeLines(await inSlices(changesInSteps(one.config, other.config, modules)), MAX_CHANGES);
    const texts = this.tools === null ? '' : await this.textDifference(before, after, secrets);
    return {
      from: before.generation,
      to: after.generation,
      changes: changes.map((line) => toText(secrets.clean(line))),
      texts: toText(texts.slice(0, MAX_SHOWN)),
    };
  }

  private async textDifference(
    before: KeptConfiguration,
    after: KeptConfiguration,
    secrets: ConfigurationSecrets,
  ): Promise<string> {
    const tools = await this.tools?.();
    const redacted = ({ texts }: KeptConfiguration): Map<string, string> =>
      new Map(texts.map((source) => [source.name, secrets.redact(source)]));
    const [old, fresh] = [redacted(before), redacted(after)];
    const names = new Set([...old.keys(), ...fresh.keys()]);
    return [...names].map((name) => tools?.unifiedDiff(name, old.get(name) ?? '', fresh.get(name) ?? '')).join('');
  }

  private async explanation(form: ExplainForm): Promise<ExplainReport> {
    if (this.tools === null) throw new CannotAnswer('this program has no tool that explains requests');
    const { inForce } = this;
    const secrets = secretsOf(inForce);
    const { text, explanation } = await (await this.tools()).explain(keptSource(inForce), inForce.modules, form);
    return { text: cleaned(text, secrets), explanation: cleaned(explanation, secrets) };
  }

  private async reload(): Promise<ReloadReport> {
    if (this.reloading) throw new CannotAnswer('a reload that the console requested is in progress');
    this.reloading = true;
    const { instance } = this;
    instance.errorLog.write('notice', 'reload requested by the console, reconfiguring');
    try {
      const { generation, findings } = await instance.reload();
      logFindings(instance.errorLog, findings);
      return { generation, ...rendered(findings, '', secretsOf(this.history.kept.at(-1) ?? null)) };
    } catch (error) {
      if (!(error instanceof RefusedConfig)) throw error;
      logRefusal(instance.errorLog, error);
      const secrets = secretsOf(this.history.kept.at(-1) ?? null);
      for (const source of new Set(error.findings.flatMap(({ at }) => at?.source ?? []))) secrets.redact(source);
      return { generation: null, ...rendered(error.findings, error.message, secrets) };
    } finally {
      this.reloading = false;
    }
  }
}

function secretsOf(kept: KeptConfiguration | null): ConfigurationSecrets {
  const secrets = new ConfigurationSecrets();
  for (const source of kept?.texts ?? []) secrets.redact(source);
  return secrets;
}

/** The source of a configuration as it was read; files that were not part of it are read from disk. */
function keptSource({ source, texts }: ReadConfiguration): ConfigSource {
  const known = new Map(texts.map(({ name, text }) => [name, text]));
  const reader = source.reader ?? diskReader;
  // Files that were added later are not part of it.
  const { expand } = textReader(known);
  return {
    ...source,
    text: known.get(source.name) ?? source.text,
    reader: { read: (path) => known.get(path) ?? reader.read(path), expand },
  };
}

function differsOnDisk({ source }: ReadConfiguration, { name, text }: Source): boolean {
  if (name === COMMAND_LINE || (name === source.name && source.text !== null)) return false;
  try {
    return (source.reader ?? diskReader).read(name) !== text;
  } catch {
    return true;
  }
}

function findingsOf(findings: readonly Finding[], secrets: ConfigurationSecrets): readonly JsonFinding[] {
  return cleaned(findingsToJson(findings.slice(0, MAX_FINDINGS)), secrets);
}

function rendered(
  findings: readonly Finding[],
  message: string,
  secrets: ConfigurationSecrets,
): Pick<ReloadReport, 'findings' | 'rendered'> {
  const text = findings.length === 0 ? toText(message) : renderFindings(findings);
  return { findings: findingsOf(findings, secrets), rendered: cleaned(text, secrets) };
}

/** Copy of data in text form without secrets, which are bytes. */
function cleaned<T>(data: T, secrets: ConfigurationSecrets): T {
  return cleanedValue(data, secrets) as T;
}

function cleanedValue(value: unknown, secrets: ConfigurationSecrets): unknown {
  if (typeof value === 'string') return toText(secrets.clean(toBytes(value)));
  if (Array.isArray(value)) return value.map((each) => cleanedValue(each, secrets));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, cleanedValue(each, secrets)]));
}

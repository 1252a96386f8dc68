/** Sends the diagnostics of all open documents after a change, unless a further change follows. */
import type { Diagnostic, PublishDiagnosticsParams } from 'vscode-languageserver/node';
import type { Analysis } from './analysis.js';
import { diagnosticsOf } from './diagnostics.js';
import type { DocumentAnalysis, Workspace } from './workspace.js';

/** Duration of an analysis, in ms, above which the next one waits for a pause in typing. */
const QUICK_ANALYSIS = 100;

/** Maximum delay after a change, in ms. */
const MAX_DELAY = 500;

/** Delay before the check and before the lints, in ms: requests for the same version are answered first. */
const PAUSE = 1;

export class DiagnosticsPublisher {
  private timeout: NodeJS.Timeout | undefined;
  /** Duration of the last analysis, in ms. */
  private duration = 0;
  /** Diagnostics sent last, by URI, as JSON. */
  private readonly sent = new Map<string, string>();

  constructor(
    private readonly workspace: Workspace,
    private readonly send: (params: PublishDiagnosticsParams) => void,
  ) {}

  /** Publishes soon: at once if the last analysis was quick, otherwise after a pause in typing of twice its duration. */
  schedule(): void {
    const delay = this.duration <= QUICK_ANALYSIS ? PAUSE : Math.min(2 * this.duration, MAX_DELAY);
    this.cancel();
    this.timeout = setTimeout(() => this.check(), delay);
  }

  cancel(): void {
    clearTimeout(this.timeout);
  }

  /** Checks the open documents, then publishes the diagnostics unless a change follows. */
  private check(): void {
    const start = performance.now();
    for (const { source } of this.workspace.documents.all())
      void this.workspace.analysisOf(source.name).analysis.result;
    const checked = performance.now() - start;
    this.timeout = setTimeout(() => this.publish(checked), PAUSE);
  }

  /**
   * Lints the open documents and sends the diagnostics that have changed.
   *
   * @param checked duration of the preceding check, in ms
   */
  publish(checked = 0): void {
    this.cancel();
    const start = performance.now();
    const current = new Map<string, PublishDiagnosticsParams>();
    const { workspace } = this;
    const wholes = new Map<Analysis, Map<string, Diagnostic[]>>();
    for (const { uri, version, source } of workspace.documents.all()) {
      const found = workspace.analysisOf(source.name);
      const byPath = wholes.get(found.analysis) ?? this.diagnosticsOf(found);
      if (found.fragment === null) wholes.set(found.analysis, byPath);
      current.set(uri, { uri, version, diagnostics: byPath.get(source.name) ?? [] });
    }
    for (const byPath of wholes.values()) {
      for (const [path, diagnostics] of byPath) {
        const uri = workspace.uriOf(path);
        if (diagnostics.length > 0 && !current.has(uri)) current.set(uri, { uri, diagnostics });
      }
    }
    this.duration = checked + performance.now() - start;
    for (const uri of this.sent.keys()) if (!current.has(uri)) current.set(uri, { uri, diagnostics: [] });
    for (const params of current.values()) this.update(params);
  }

  private update(params: PublishDiagnosticsParams): void {
    const { uri, version, diagnostics } = params;
    const text = JSON.stringify([version, diagnostics]);
    if (this.sent.get(uri) === text) return;
    if (version === undefined && diagnostics.length === 0) this.sent.delete(uri);
    else this.sent.set(uri, text);
    this.send(params);
  }

  private diagnosticsOf(found: DocumentAnalysis): Map<string, Diagnostic[]> {
    return diagnosticsOf(found.analysis, this.workspace.findingsOf(found), (path) => this.workspace.uriOf(path));
  }
}

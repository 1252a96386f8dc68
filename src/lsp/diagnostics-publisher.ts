/** Sends the diagnostics of all open documents after changes, when no further change waits. */
import type { Diagnostic, PublishDiagnosticsParams } from 'vscode-languageserver/node';
import type { Finding } from '../diagnostics/finding.js';
import { diagnosticsOf } from './diagnostics.js';
import { findingsOfFragment } from './fragment-root.js';
import type { DocumentAnalysis, Workspace } from './workspace.js';

/** Analyses that take longer, in ms, wait until nothing is typed for a while. */
const QUICK = 40;

/** Maximum delay after a change, in ms. */
const MAX_DELAY = 500;

export class DiagnosticsPublisher {
  private timer: NodeJS.Immediate | NodeJS.Timeout | null = null;
  /** Duration of the last analysis, in ms. */
  private duration = 0;
  /** Diagnostics sent last, by URI, as JSON. */
  private readonly sent = new Map<string, string>();

  constructor(
    private readonly workspace: Workspace,
    private readonly send: (params: PublishDiagnosticsParams) => void,
  ) {}

  /** Publishes soon: at once if the last analysis was quick, otherwise in a pause of twice its duration. */
  schedule(): void {
    if (this.duration <= QUICK) {
      this.timer ??= setImmediate(() => this.publish());
      return;
    }
    this.cancel();
    this.timer = setTimeout(() => this.publish(), Math.min(2 * this.duration, MAX_DELAY));
  }

  cancel(): void {
    if (this.timer === null) return;
    clearImmediate(this.timer as NodeJS.Immediate);
    clearTimeout(this.timer as NodeJS.Timeout);
    this.timer = null;
  }

  /** Analyses the open documents and sends what has changed. */
  publish(): void {
    this.cancel();
    const start = performance.now();
    const current = new Map<string, PublishDiagnosticsParams>();
    const { workspace } = this;
    for (const { uri, version, source } of workspace.documents.all()) {
      const diagnostics = this.diagnosticsOf(workspace.analysisOf(source.name)).get(source.name) ?? [];
      current.set(uri, { uri, version, diagnostics });
    }
    for (const found of workspace.open()) {
      if (found.fragment !== null) continue;
      for (const [path, diagnostics] of this.diagnosticsOf(found)) {
        const uri = workspace.uriOf(path);
        if (diagnostics.length > 0 && !current.has(uri)) current.set(uri, { uri, diagnostics });
      }
    }
    this.duration = performance.now() - start;
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

  private diagnosticsOf({ analysis, fragment }: DocumentAnalysis): Map<string, Diagnostic[]> {
    const own = fragment === null ? analysis.findings : findingsOfFragment(analysis.findings);
    const wanted = own.filter((finding) => this.isWanted(finding));
    return diagnosticsOf(analysis, wanted, (path) => this.workspace.uriOf(path));
  }

  private isWanted({ code, severity }: Finding): boolean {
    return severity === 'error' || !this.workspace.settings.ignore.includes(code);
  }
}

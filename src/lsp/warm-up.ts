/**
 * Repeats the analysis of the first document while the editor is idle: until V8 has optimised the checker, an analysis takes
 * five times as long, and responses to the first keystrokes would be late.
 */
import { Analysis } from './analysis.js';
import { RecordingReader } from './text-reader.js';
import type { Workspace } from './workspace.js';

/** Number of repetitions. */
const REPETITIONS = 15;

/** Pause between them, in ms. */
const PAUSE = 10;

export class WarmUp {
  private left = REPETITIONS;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly workspace: Workspace) {}

  /** Begins or continues after a pause. */
  schedule(): void {
    clearTimeout(this.timer);
    if (this.left > 0) this.timer = setTimeout(() => this.repeat(), PAUSE).unref();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.left = 0;
  }

  private repeat(): void {
    const [document] = this.workspace.documents.all();
    if (document === undefined) return;
    this.left--;
    const { root } = this.workspace.analysisOf(document.source.name).analysis;
    void new Analysis(root, new RecordingReader(this.workspace.texts, root.directory)).findings;
    this.schedule();
  }
}

/** Client of `tsproxy lsp` over standard input and output, with a workspace of files. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  createMessageConnection,
  type MessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node';
import {
  type ClientCapabilities,
  type Diagnostic,
  DidChangeTextDocumentNotification,
  DidOpenTextDocumentNotification,
  ExitNotification,
  InitializedNotification,
  InitializeRequest,
  type InitializeResult,
  type Position,
  PublishDiagnosticsNotification,
  type PublishDiagnosticsParams,
  type Range,
  ShutdownRequest,
} from 'vscode-languageserver-protocol';
import { TextDocument } from 'vscode-languageserver-textdocument';

/** Timeout for diagnostics, in ms; longer than an analysis takes on a loaded machine. */
const TIMEOUT = 30_000;

/** Unit of times in `/proc`, in ms. */
const TICK = 10;

const BINARY = fileURLToPath(new URL('../../../bin/tsproxy', import.meta.url));

interface TestContext {
  after(fn: () => void | Promise<void>): void;
}

export interface EditorOptions {
  readonly capabilities?: ClientCapabilities;
  readonly settings?: object;
  /** Folder of the workspace, below the directory. */
  readonly folder?: string;
}

export class Editor {
  /** Directory of the workspace. */
  readonly directory = mkdtempSync(join(tmpdir(), 'tsproxy-lsp-'));
  readonly connection: MessageConnection;
  /** The answer to `initialize`. */
  initialized: InitializeResult = { capabilities: {} };
  private readonly server: ChildProcess;
  private readonly documents = new Map<string, TextDocument>();
  private readonly published: PublishDiagnosticsParams[] = [];
  private readonly waiting = new Set<() => void>();

  private constructor() {
    this.server = spawn(process.execPath, [BINARY, 'lsp', '--stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const { stdin, stdout } = this.server;
    if (stdin === null || stdout === null) throw new Error('no pipes');
    this.connection = createMessageConnection(new StreamMessageReader(stdout), new StreamMessageWriter(stdin));
    this.connection.onNotification(PublishDiagnosticsNotification.type, (params) => {
      this.published.push(params);
      for (const wake of [...this.waiting]) wake();
    });
    this.connection.listen();
  }

  /** An editor whose workspace has these files. */
  static async start(
    t: TestContext,
    files: Readonly<Record<string, string>>,
    { capabilities = {}, settings = {}, folder = '' }: EditorOptions = {},
  ): Promise<Editor> {
    const editor = new Editor();
    t.after(() => editor.stop());
    for (const [name, text] of Object.entries(files)) editor.write(name, text);
    const uri = pathToFileURL(join(editor.directory, folder)).href;
    editor.initialized = await editor.connection.sendRequest(InitializeRequest.type, {
      processId: process.pid,
      rootUri: uri,
      capabilities,
      workspaceFolders: [{ uri, name: 'test' }],
      initializationOptions: settings,
    });
    await editor.connection.sendNotification(InitializedNotification.type, {});
    return editor;
  }

  /** Writes a file of the workspace. */
  write(name: string, text: string): void {
    const path = join(this.directory, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

  uri(name: string): string {
    return pathToFileURL(join(this.directory, name)).href;
  }

  /** Opens a document with a text, which may differ from that of the file. */
  async open(name: string, text: string): Promise<TextDocument> {
    const uri = this.uri(name);
    const document = TextDocument.create(uri, 'nginx', 1, text);
    this.documents.set(name, document);
    await this.connection.sendNotification(DidOpenTextDocumentNotification.type, {
      textDocument: { uri, languageId: 'nginx', version: 1, text },
    });
    return document;
  }

  document(name: string): TextDocument {
    const document = this.documents.get(name);
    if (document === undefined) throw new Error(`"${name}" is not open`);
    return document;
  }

  /** Replaces a range, as typing does. */
  async edit(name: string, range: Range, text: string): Promise<void> {
    const document = this.document(name);
    const contentChanges = [{ range, text }];
    const version = document.version + 1;
    TextDocument.update(document, contentChanges, version);
    await this.connection.sendNotification(DidChangeTextDocumentNotification.type, {
      textDocument: { uri: document.uri, version },
      contentChanges,
    });
  }

  /** Replaces the whole text. */
  async replace(name: string, text: string): Promise<void> {
    const document = this.document(name);
    const end = document.positionAt(document.getText().length);
    await this.edit(name, { start: { line: 0, character: 0 }, end }, text);
  }

  /** Position of a piece of the text, or at an offset from its start. */
  position(name: string, mark: string, offset = 0): Position {
    const document = this.document(name);
    const index = document.getText().indexOf(mark);
    if (index < 0) throw new Error(`"${mark}" is not in the text`);
    return document.positionAt(index + offset);
  }

  /** Document and position, as most requests take them. */
  at(
    name: string,
    mark: string,
    offset = 0,
  ): { readonly textDocument: { readonly uri: string }; readonly position: Position } {
    return { textDocument: { uri: this.uri(name) }, position: this.position(name, mark, offset) };
  }

  /** Text of a range. */
  text(name: string, range: Range): string {
    return this.document(name).getText(range);
  }

  /** Diagnostics of the current version of an open document. */
  async diagnostics(name: string): Promise<readonly Diagnostic[]> {
    const { uri, version } = this.document(name);
    return (await this.publication((each) => each.uri === uri && each.version === version)).diagnostics;
  }

  /** Diagnostics that satisfy a condition: the latest that were sent, or else the next. */
  async publication(matches: (params: PublishDiagnosticsParams) => boolean): Promise<PublishDiagnosticsParams> {
    const deadline = Date.now() + TIMEOUT;
    for (;;) {
      const found = this.published.findLast(matches);
      if (found !== undefined) return found;
      if (Date.now() > deadline) throw new Error(`no such diagnostics: ${JSON.stringify(this.published, null, 1)}`);
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          this.waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, deadline - Date.now() + 1);
        this.waiting.add(wake);
      });
    }
  }

  /** CPU time of the server so far, in ms; 0 where the system does not have Linux's `/proc`. */
  serverCpu(): number {
    const path = `/proc/${this.server.pid}/stat`;
    if (!existsSync(path)) return 0;
    const fields = readFileSync(path, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK;
  }

  async stop(): Promise<void> {
    const exited = new Promise<void>((resolve) => this.server.once('exit', () => resolve()));
    if (this.server.exitCode === null && this.server.signalCode === null) {
      await this.connection.sendRequest(ShutdownRequest.type);
      await this.connection.sendNotification(ExitNotification.type);
      await exited;
    }
    this.connection.dispose();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

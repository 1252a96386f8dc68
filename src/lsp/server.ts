/** The language server: connects the editor's requests with the features, one file each. */
import {
  type Connection,
  createConnection,
  DidChangeConfigurationNotification,
  DidChangeWatchedFilesNotification,
  type ExecuteCommandParams,
  FileChangeType,
  type InitializeParams,
  type InitializeResult,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
  TextDocuments,
} from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { VERSION } from '../http/software.js';
import { capabilities } from './capabilities.js';
import { codeActions } from './code-actions.js';
import { codeLenses, EXPLAIN, resolvedLens } from './code-lenses.js';
import { completionsAt, resolvedCompletion } from './completion/completion.js';
import { DiagnosticsPublisher } from './diagnostics-publisher.js';
import { type Explained, Explanations, reasonOf } from './explanations.js';
import { pathOf } from './file-uri.js';
import { formattingEdits } from './formatting.js';
import { hoverAt } from './hover.js';
import { definitionsAt, highlightsAt, linksIn, prepareRename, referencesAt, renameAt } from './navigation.js';
import { type OpenDocument, OpenDocuments } from './open-documents.js';
import { foldingRanges, selectionRanges } from './ranges.js';
import { semanticTokens } from './semantic-tokens.js';
import { settingsOf } from './settings.js';
import { documentSymbols, workspaceSymbols } from './symbols.js';
import { WarmUp } from './warm-up.js';
import { type DocumentAnalysis, Workspace } from './workspace.js';

/** Section of the editor's settings. */
const SECTION = 'tsproxy';

/** Serves one editor over standard input and output until it ends the connection. */
export function serveEditor(input: NodeJS.ReadableStream, output: NodeJS.WritableStream): Promise<void> {
  const connection = createConnection(new StreamMessageReader(input), new StreamMessageWriter(output));
  new LanguageServer(connection).listen();
  return new Promise((resolve) => connection.onExit(resolve));
}

/** A document of a request, with its analysis. */
interface Target extends DocumentAnalysis {
  readonly document: OpenDocument;
}

class LanguageServer {
  private readonly texts = new TextDocuments(TextDocument);
  private readonly workspace = new Workspace(new OpenDocuments());
  private readonly publisher: DiagnosticsPublisher;
  private readonly warmUp = new WarmUp(this.workspace);
  private readonly explanations = new Explanations();
  private readonly uriOf = (path: string): string => this.workspace.uriOf(path);
  private editor: InitializeParams['capabilities'] = {};

  constructor(private readonly connection: Connection) {
    this.publisher = new DiagnosticsPublisher(this.workspace, (params) => {
      void connection.sendDiagnostics(params);
      this.warmUp.schedule();
    });
  }

  listen(): void {
    this.listenToTexts();
    this.listenToWorkspace();
    this.answerPositions();
    this.answerDocuments();
    this.connection.listen();
  }

  private listenToTexts(): void {
    const { workspace, texts, publisher } = this;
    texts.onDidChangeContent(({ document }) => {
      workspace.documents.update(document);
      publisher.schedule();
    });
    texts.onDidSave(() => this.filesChanged());
    texts.onDidClose(({ document }) => {
      workspace.documents.close(document.uri);
      publisher.schedule();
    });
    texts.listen(this.connection);
  }

  private listenToWorkspace(): void {
    const { connection } = this;
    connection.onInitialize((params) => this.initialize(params));
    connection.onInitialized(() => this.initialized());
    connection.onDidChangeConfiguration(({ settings }) => this.settingsChanged(settings));
    connection.onDidChangeWatchedFiles(({ changes }) => {
      if (changes.some(({ uri, type }) => this.concerns(pathOf(uri), type))) this.filesChanged();
    });
    connection.onShutdown(() => {
      this.publisher.cancel();
      this.warmUp.stop();
      this.explanations.close();
    });
    connection.onWorkspaceSymbol(({ query }) => workspaceSymbols(this.workspace.known(), query, this.uriOf));
    connection.onExecuteCommand((params) => this.execute(params));
  }

  /** Requests about a position. */
  private answerPositions(): void {
    const { connection, uriOf } = this;
    connection.onCompletion(({ textDocument: { uri }, position }) => {
      const snippets = this.editor.textDocument?.completion?.completionItem?.snippetSupport === true;
      return this.with(uri, ({ analysis, document }) => completionsAt(analysis, document, position, snippets));
    });
    connection.onCompletionResolve(resolvedCompletion);
    connection.onHover(({ textDocument: { uri }, position }) =>
      this.with(uri, ({ analysis, document }) => hoverAt(analysis, document, position)),
    );
    connection.onDefinition(({ textDocument: { uri }, position }) =>
      this.with(uri, ({ analysis, document }) => definitionsAt(analysis, document, position, uriOf)),
    );
    connection.onReferences(({ textDocument: { uri }, position, context: { includeDeclaration } }) =>
      this.with(uri, ({ analysis, document }) => referencesAt(analysis, document, position, includeDeclaration, uriOf)),
    );
    connection.onDocumentHighlight(({ textDocument: { uri }, position }) =>
      this.with(uri, ({ analysis, document }) => highlightsAt(analysis, document, position)),
    );
    connection.onPrepareRename(({ textDocument: { uri }, position }) =>
      this.with(uri, ({ analysis, document }) => prepareRename(analysis, document, position)),
    );
    connection.onRenameRequest(({ textDocument: { uri }, position, newName }) =>
      this.with(uri, ({ analysis, document }) => renameAt(analysis, document, position, newName, uriOf)),
    );
    connection.onSelectionRanges(({ textDocument: { uri }, positions }) =>
      this.withDocument(uri, (document) => selectionRanges(document, positions)),
    );
  }

  /** Requests about a whole document. */
  private answerDocuments(): void {
    const { connection, uriOf } = this;
    connection.onDocumentSymbol(({ textDocument: { uri } }) => this.withDocument(uri, documentSymbols));
    connection.onFoldingRanges(({ textDocument: { uri } }) => this.withDocument(uri, foldingRanges));
    connection.onDocumentFormatting(({ textDocument: { uri } }) =>
      this.withDocument(uri, (document) => formattingEdits(document)),
    );
    connection.onDocumentRangeFormatting(({ textDocument: { uri }, range }) =>
      this.withDocument(uri, (document) => formattingEdits(document, range)),
    );
    connection.languages.semanticTokens.on(
      ({ textDocument: { uri } }) => this.withDocument(uri, semanticTokens) ?? { data: [] },
    );
    connection.onDocumentLinks(({ textDocument: { uri } }) =>
      this.with(uri, ({ analysis, document }) => linksIn(analysis, document, uriOf)),
    );
    connection.onCodeAction(({ textDocument: { uri }, range, context: { diagnostics, only } }) =>
      this.with(uri, (target) =>
        codeActions(this.workspace.findingsOf(target), target.document, { range, diagnostics, only }, uriOf),
      ),
    );
    connection.onCodeLens(({ textDocument: { uri } }) =>
      this.workspace.settings.codeLens
        ? this.with(uri, ({ analysis, document }) => codeLenses(analysis, document))
        : null,
    );
    connection.onCodeLensResolve(async (lens) => {
      const { uri } = lens.data as { readonly uri: string };
      const resolved = this.with(uri, ({ analysis }) => resolvedLens(lens, analysis, this.explanations));
      return resolved ?? lens;
    });
  }

  /** Answer about the text of an open document; null if the document is not open. */
  private withDocument<T>(uri: string, answer: (document: OpenDocument) => T): T | null {
    const document = this.workspace.documents.of(uri);
    return document === undefined ? null : answer(document);
  }

  /** Answer about an open document and its configuration; null if the document is not open. */
  private with<T>(uri: string, answer: (target: Target) => T): T | null {
    return this.withDocument(uri, (document) =>
      answer({ document, ...this.workspace.analysisOf(document.source.name) }),
    );
  }

  private async execute({
    command,
    arguments: words = [],
  }: ExecuteCommandParams): Promise<Explained | ResponseError<void> | null> {
    const [uri, request] = words as readonly unknown[];
    if (command !== EXPLAIN || typeof uri !== 'string' || typeof request !== 'string') return null;
    const { analysis } = this.workspace.analysisOf(pathOf(uri));
    try {
      return await this.explanations.explain(analysis, request);
    } catch (error) {
      return new ResponseError(-32001, reasonOf(error));
    }
  }

  private initialize(params: InitializeParams): InitializeResult {
    const { workspaceFolders, rootUri, initializationOptions } = params;
    const folders = workspaceFolders?.map(({ uri }) => uri) ?? (rootUri === null ? [] : [rootUri]);
    this.workspace.folders = folders.map((uri) => `${pathOf(uri).replace(/\/$/, '')}/`);
    this.workspace.configure(settingsOf(initializationOptions));
    this.editor = params.capabilities;
    return { serverInfo: { name: 'tsproxy', version: VERSION }, capabilities };
  }

  private async initialized(): Promise<void> {
    const { connection } = this;
    const { didChangeConfiguration, didChangeWatchedFiles } = this.editor.workspace ?? {};
    if (didChangeConfiguration?.dynamicRegistration === true) {
      await connection.client.register(DidChangeConfigurationNotification.type, { section: SECTION });
    }
    if (didChangeWatchedFiles?.dynamicRegistration === true) {
      // Any file can be included.
      await connection.client.register(DidChangeWatchedFilesNotification.type, { watchers: [{ globPattern: '**/*' }] });
    }
    await this.readSettings();
  }

  private async settingsChanged(sent: unknown): Promise<void> {
    if (this.editor.workspace?.configuration === true) await this.readSettings();
    else this.workspace.configure(settingsOf((sent as Record<string, unknown> | null)?.[SECTION]));
    this.publisher.schedule();
  }

  private async readSettings(): Promise<void> {
    if (this.editor.workspace?.configuration !== true) return;
    const sent: unknown = await this.connection.workspace.getConfiguration(SECTION);
    if (sent === null || sent === undefined) return;
    this.workspace.configure(settingsOf(sent));
    this.publisher.schedule();
  }

  /** Whether a change of a file may change an analysis: logs are written all the time. */
  private concerns(path: string, type: FileChangeType): boolean {
    if (/\/(?:node_modules|\.git)\//.test(path)) return false;
    return type !== FileChangeType.Changed || this.workspace.texts.hasRead(path);
  }

  private filesChanged(): void {
    this.workspace.forget();
    this.publisher.schedule();
  }
}

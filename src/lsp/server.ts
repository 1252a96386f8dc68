/** The language server: connects the editor's requests with the features, one file each. */

import {
  type Connection,
  createConnection,
  DidChangeConfigurationNotification,
  type InitializeParams,
  type InitializeResult,
  StreamMessageReader,
  StreamMessageWriter,
  TextDocumentSyncKind,
  TextDocuments,
} from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { VERSION } from '../http/software.js';
import { DiagnosticsPublisher } from './diagnostics-publisher.js';
import { pathOf } from './file-uri.js';
import { OpenDocuments } from './open-documents.js';
import { settingsOf } from './settings.js';
import { Workspace } from './workspace.js';

/** Section of the editor's settings. */
const SECTION = 'tsproxy';

/** Serves one editor over standard input and output until it ends the connection. */
export function serveEditor(input: NodeJS.ReadableStream, output: NodeJS.WritableStream): Promise<void> {
  const connection = createConnection(new StreamMessageReader(input), new StreamMessageWriter(output));
  new LanguageServer(connection).listen();
  return new Promise((resolve) => connection.onExit(resolve));
}

class LanguageServer {
  private readonly texts = new TextDocuments(TextDocument);
  private readonly workspace = new Workspace(new OpenDocuments());
  private readonly publisher: DiagnosticsPublisher;
  private readsSettings = false;
  private registersSettings = false;

  constructor(private readonly connection: Connection) {
    this.publisher = new DiagnosticsPublisher(this.workspace, (params) => {
      void connection.sendDiagnostics(params);
    });
  }

  listen(): void {
    const { connection, workspace, texts, publisher } = this;
    connection.onInitialize((params) => this.initialize(params));
    connection.onInitialized(() => this.initialized());
    connection.onDidChangeConfiguration(({ settings }) => this.settingsChanged(settings));
    connection.onDidChangeWatchedFiles(() => this.filesChanged());
    connection.onShutdown(() => publisher.cancel());
    texts.onDidChangeContent(({ document }) => {
      workspace.documents.update(document);
      publisher.schedule();
    });
    texts.onDidSave(() => this.filesChanged());
    texts.onDidClose(({ document }) => {
      workspace.documents.close(document.uri);
      publisher.schedule();
    });
    texts.listen(connection);
    connection.listen();
  }

  private initialize({
    capabilities,
    workspaceFolders,
    rootUri,
    initializationOptions,
  }: InitializeParams): InitializeResult {
    const folders = workspaceFolders?.map(({ uri }) => uri) ?? (rootUri === null ? [] : [rootUri]);
    this.workspace.folders = folders.map((uri) => `${pathOf(uri).replace(/\/$/, '')}/`);
    this.workspace.configure(settingsOf(initializationOptions));
    this.readsSettings = capabilities.workspace?.configuration === true;
    this.registersSettings = capabilities.workspace?.didChangeConfiguration?.dynamicRegistration === true;
    return {
      serverInfo: { name: 'tsproxy', version: VERSION },
      capabilities: {
        textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental, save: true },
      },
    };
  }

  private async initialized(): Promise<void> {
    if (this.registersSettings) {
      await this.connection.client.register(DidChangeConfigurationNotification.type, { section: SECTION });
    }
    await this.readSettings();
  }

  private async settingsChanged(sent: unknown): Promise<void> {
    if (this.readsSettings) await this.readSettings();
    else this.workspace.configure(settingsOf((sent as Record<string, unknown> | null)?.[SECTION]));
    this.publisher.schedule();
  }

  private async readSettings(): Promise<void> {
    if (!this.readsSettings) return;
    const sent: unknown = await this.connection.workspace.getConfiguration(SECTION);
    if (sent === null || sent === undefined) return;
    this.workspace.configure(settingsOf(sent));
    this.publisher.schedule();
  }

  private filesChanged(): void {
    this.workspace.forget();
    this.publisher.schedule();
  }
}

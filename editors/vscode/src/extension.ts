/** The extension: starts `tsproxy lsp`, asks for requests to explain, and offers tasks that test a configuration. */
import {
  commands,
  type ExtensionContext,
  languages,
  type Position,
  ShellExecution,
  Task,
  type TaskDefinition,
  TaskScope,
  tasks,
  ViewColumn,
  window,
  workspace,
} from 'vscode';
import { type ExecuteCommandSignature, LanguageClient, TransportKind } from 'vscode-languageclient/node';
import { startCommand } from './command.js';

/** Command of the server's code lenses: `[uri, request]`. */
const EXPLAIN = 'tsproxy.explain';

let client: LanguageClient | null = null;

export async function activate(context: ExtensionContext): Promise<void> {
  context.subscriptions.push(
    commands.registerCommand('tsproxy.explainRequest', explainInEditor),
    commands.registerCommand('tsproxy.restart', () => client?.restart()),
    tasks.registerTaskProvider('tsproxy', { provideTasks, resolveTask }),
    workspace.onDidGrantWorkspaceTrust(() => client?.restart()),
  );
  await start();
}

export async function deactivate(): Promise<void> {
  await client?.stop();
}

async function start(): Promise<void> {
  const { command, shell } = program();
  const options = { command, args: ['lsp', '--stdio'], transport: TransportKind.stdio, options: { shell } };
  client = new LanguageClient('tsproxy', 'tsproxy', options, {
    documentSelector: [{ language: 'nginx' }],
    initializationOptions: workspace.getConfiguration('tsproxy'),
    middleware: { executeCommand },
  });
  try {
    await client.start();
  } catch (error) {
    const install = 'npm install --save-dev tsproxy vscode-languageserver vscode-languageserver-textdocument';
    void window.showErrorMessage(`"${command} lsp" could not be started (${String(error)}). ${install}`);
  }
}

function program(): ReturnType<typeof startCommand> {
  return startCommand({
    configured: workspace.getConfiguration('tsproxy').get('command', ''),
    folders: (workspace.workspaceFolders ?? []).map(({ uri }) => uri.fsPath),
    trusted: workspace.isTrusted,
    platform: process.platform,
  });
}

/** Explanation of a request, as the server returns it. */
interface Explained {
  readonly text: string;
}

/** Asks for the request of an explanation, and shows the answer beside the configuration. */
async function executeCommand(command: string, words: unknown[], next: ExecuteCommandSignature): Promise<unknown> {
  if (command !== EXPLAIN) return next(command, words);
  const [uri, proposed] = words;
  const request = await window.showInputBox({
    title: 'tsproxy: explain a request',
    prompt: 'A request: GET /path, POST http://host/path, wss://host/path',
    value: typeof proposed === 'string' ? proposed : 'GET http://localhost/',
  });
  if (request === undefined) return undefined;
  const explained = (await next(command, [uri, request])) as Explained | null;
  if (explained === null) return undefined;
  const document = await workspace.openTextDocument({ content: explained.text, language: 'plaintext' });
  await window.showTextDocument(document, { viewColumn: ViewColumn.Beside, preview: true, preserveFocus: true });
  return explained;
}

/** Explains a request by the configuration of the active editor: the code lens at the cursor or above it proposes one. */
async function explainInEditor(): Promise<void> {
  const editor = window.activeTextEditor;
  if (editor === undefined || languages.match({ language: 'nginx' }, editor.document) === 0) {
    void window.showInformationMessage('Open an nginx configuration first.');
    return;
  }
  const { uri } = editor.document;
  const line = editor.selection.active.line;
  const lenses = await commands.executeCommand<{ range: { start: Position }; command?: { arguments?: unknown[] } }[]>(
    'vscode.executeCodeLensProvider',
    uri,
    20,
  );
  const near = lenses.filter(({ range }) => range.start.line <= line).at(-1);
  await commands.executeCommand(EXPLAIN, uri.toString(), near?.command?.arguments?.[1]);
}

interface TestTask extends TaskDefinition {
  readonly path: string;
  readonly strict?: boolean;
}

function provideTasks(): Task[] {
  return (workspace.workspaceFolders ?? []).map(({ uri }) => taskOf({ type: 'tsproxy', path: uri.fsPath }));
}

function resolveTask(task: Task): Task {
  return taskOf(task.definition as TestTask, task.scope);
}

function taskOf(definition: TestTask, scope: Task['scope'] = TaskScope.Workspace): Task {
  const words = ['-t', ...(definition.strict === true ? ['--strict'] : []), definition.path];
  const execution = new ShellExecution(program().command, words);
  return new Task(definition, scope, `test ${definition.path}`, 'tsproxy', execution, '$tsproxy');
}

/** Explanations of requests by the configurations of open documents. */
import type { Statement, Word } from '../../grammar/syntax-tree.js';
import { check } from '../config/check.js';
import { toBytes, toText } from '../diagnostics/byte-string.js';
import { logMessage } from '../diagnostics/log-message.js';
import { asText } from '../explain/as-text.js';
import { CannotExplain } from '../explain/cannot-explain.js';
import { Explainer } from '../explain/explainer.js';
import type { Explanation } from '../explain/explanation.js';
import { renderExplanation } from '../explain/render.js';
import { modules } from '../modules/index.js';
import type { Analysis } from './analysis.js';

export interface Explained {
  readonly explanation: Explanation;
  /** As `tsproxy explain` prints it. */
  readonly text: string;
}

/** Directives that depend on the machine that will serve, and do not affect which location handles a request. */
const INSTALLED =
  /^(?:ssl_(?:certificate|certificate_key|trusted_certificate|client_certificate|dhparam|crl|password_file|stapling_file|session_ticket_key|verify_client|stapling|stapling_verify)|user|pid|error_log|access_log|load_module)$/;

export class Explanations {
  private current: { readonly analysis: Analysis; readonly explainer: Promise<Explainer> } | null = null;
  private last: Promise<unknown> = Promise.resolve();

  /** Explains a request, after earlier ones are finished. Rejects with CannotExplain. */
  explain(analysis: Analysis, request: string): Promise<Explained> {
    const result = this.last.then(async () => {
      const explainer = await this.explainerOf(analysis);
      const explanation = asText(await explainer.explain({ line: toBytes(request), fields: [] }));
      return { explanation, text: renderExplanation(explanation) };
    });
    this.last = result.catch(() => {});
    return result;
  }

  close(): void {
    const { current } = this;
    this.current = null;
    void current?.explainer.then((explainer) => explainer.close()).catch(() => {});
  }

  private explainerOf(analysis: Analysis): Promise<Explainer> {
    if (this.current?.analysis !== analysis) {
      this.close();
      this.current = { analysis, explainer: open(analysis) };
    }
    return this.current.explainer;
  }
}

async function open(analysis: Analysis): Promise<Explainer> {
  const { root, reader, result } = analysis;
  // Opening a file must not run code.
  if (result.records.some(({ statements }) => [...statements.keys()].some((name) => /^js_|^load_module$/.test(name)))) {
    throw new CannotExplain('scripts and modules are not run by the editor: use "tsproxy explain" on the command line');
  }
  const { source, directory, prefix = directory, globals } = root;
  const checked = check(source, modules, {
    reader,
    confDirectory: directory,
    prefix,
    ...(globals !== undefined && { globals }),
    rewrite: (statements) => statements.flatMap(installedElsewhere),
  });
  return Explainer.open(checked, modules, prefix);
}

/** Removes a directive of `INSTALLED`, and the TLS parameters of `listen`: TLS is assumed to be terminated in front of the proxy. */
function installedElsewhere(statement: Statement): Statement[] {
  const { name, args } = statement;
  if (INSTALLED.test(name.text)) return [];
  if (name.text !== 'listen') return [statement];
  const isTls = ({ text }: Word) => text === 'ssl' || text === 'quic' || text === 'http3';
  return [{ ...statement, args: args.filter((word) => !isTls(word)) }];
}

/** Message of an error that `explain` reports to the user; other errors are thrown. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof CannotExplain)) throw error;
  const [first] = error.findings;
  return toText(first === undefined ? error.message : logMessage(first));
}

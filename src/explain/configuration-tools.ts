/** Tools that examine the running configuration for the console. */
import { toBytes, toText } from '../diagnostics/byte-string.js';
import { IgnoreComments } from '../diagnostics/ignore-comments.js';
import { unifiedDiff } from '../format/unified-diff.js';
import { lint } from '../lints/engine/run.js';
import { lints } from '../lints/index.js';
import { checkInSlices, checkWithSuppressed, confDirectoryOf } from '../process/configuration.js';
import { CannotAnswer, type ConfigurationTools } from '../process/configuration-tools.js';
import { asText } from './as-text.js';
import { CannotExplain } from './cannot-explain.js';
import { Explainer } from './explainer.js';
import { renderExplanation } from './render.js';

export const configurationTools: ConfigurationTools = {
  async findings(source, modules) {
    const { findings, sources } = lint(checkWithSuppressed(source, modules), lints, {
      directory: confDirectoryOf(source),
    });
    return new IgnoreComments(sources).unsuppressed(findings);
  },

  async explain(source, modules, { request, fields, from, listen }) {
    const result = await checkInSlices(source, modules);
    // Functions of scripts must not run with the rights of the master process.
    if (result.records.some(({ statements }) => [...statements.keys()].some((name) => name.startsWith('js_')))) {
      throw new CannotAnswer('scripts would run in the master process: use "tsproxy explain" on the command line');
    }
    try {
      const explainer = await Explainer.open(result, modules, source.prefix);
      try {
        const explanation = asText(
          await explainer.explain({
            line: toBytes(request),
            fields: fields.map(toBytes),
            ...(from !== '' && { from: toBytes(from) }),
            ...(listen !== '' && { listen: toBytes(listen) }),
          }),
        );
        return { text: renderExplanation(explanation, { color: false }), explanation };
      } finally {
        explainer.close();
      }
    } catch (error) {
      if (!(error instanceof CannotExplain)) throw error;
      throw new CannotAnswer(toText(error.message));
    }
  },

  unifiedDiff,
};

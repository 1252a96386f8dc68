/** `tsproxy forward`, also without that word: `tsproxy 8080 http://localhost:3000`. */
import { toBytes } from '../diagnostics/byte-string.js';
import { modules } from '../modules/index.js';
import { runSite } from './dev/run-site.js';
import type { Site } from './dev/site.js';
import { forwardConfiguration } from './forward/configuration.js';
import { namedFiles } from './forward/named-files.js';
import { type ForwardOptions, type ForwardPlan, planOf, targetText } from './forward/plan.js';
import { urlsOf } from './forward/urls.js';
import { writeOut } from './stdout.js';

/** Name of the generated text in findings. */
const NAME = '<command line>';

/** Runs the proxy in the development view, or prints its configuration. The exit code applies only if it does not serve. */
export async function forward(words: readonly string[], options: ForwardOptions): Promise<number> {
  const plan = planOf(words, options);
  const text = forwardConfiguration(plan, namedFiles(plan, options));
  if (options.printConfig !== true) return runSite(siteOf(plan, text));
  writeOut(text);
  return 0;
}

function siteOf(plan: ForwardPlan, text: string): Site {
  const prefix = toBytes(`${process.cwd().replace(/\/$/, '')}/`);
  return {
    command: 'tsproxy',
    title: plan.words.join(' '),
    modules,
    prepare: async () => ({
      source: { name: NAME, text, prefix },
      urls: [],
      notices: plan.routes.map((route) => ({
        subject: `${route.host ?? ''}${route.prefix}`,
        text: targetText(route.target),
      })),
      consoleUrl: null,
      watched: new Map(),
    }),
    urlsOf: (bound) => urlsOf(plan, bound[0]?.address ?? ''),
  };
}

/** The benchmark's table. */
import { cpus } from 'node:os';
import type { Figure, Scenario } from './scenarios.js';

/** Figures of all rounds by `SCENARIO PEER`. */
export type Results = Map<string, Figure[]>;

export interface Report {
  /** In the order of the columns; ratios are relative to the first one, or to none. */
  readonly peers: readonly string[];
  readonly scenarios: readonly Scenario[];
  readonly results: Results;
  readonly json: boolean;
  /** Processes were bound to cores. */
  readonly cores: boolean;
}

/** Prints the medians. */
export function print(report: Report): void {
  if (report.json) {
    process.stdout.write(`${JSON.stringify(asJson(report), null, 2)}\n`);
    return;
  }
  const lines = [
    '',
    `CPU of the proxy per request or message, memory per connection; medians, ratio to nginx, rate per second.`,
    `${cpus()[0]?.model.trim() ?? 'unknown CPU'}, Node.js ${process.versions.node}${report.cores ? ', proxy on a core of its own' : ''}`,
    '',
    ...table(report),
    '',
  ];
  process.stdout.write(lines.join('\n'));
}

function table({ peers, scenarios, results }: Report): string[] {
  const rows = scenarios.map((scenario) => {
    const reference = median(results.get(`${scenario.id} nginx`));
    return [
      scenario.title,
      ...peers.map((peer) => cell(scenario, median(results.get(`${scenario.id} ${peer}`)), reference, peer)),
    ];
  });
  const all = [['', ...peers], ...rows];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  const markdown = (row: readonly string[]): string =>
    `| ${row.map((text, i) => (i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0))).join(' | ')} |`;
  const rule = `|${widths.map((width, i) => (i === 0 ? `:${'-'.repeat(width + 1)}` : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [markdown(all[0] ?? []), rule, ...rows.map(markdown)];
}

function cell(scenario: Scenario, figure: Figure | null, reference: Figure | null, peer: string): string {
  if (figure === null) return '–';
  const ratio = reference === null || peer === 'nginx' ? '' : ` (${(figure.cost / reference.cost).toFixed(2)})`;
  const rate = figure.rate === 0 ? '' : `, ${Math.round(figure.rate).toLocaleString('en')}/s`;
  return `${figure.cost.toFixed(1)} ${scenario.unit}${ratio}${rate}`;
}

function asJson({ peers, scenarios, results }: Report): object[] {
  return scenarios.flatMap(({ id, unit }) =>
    peers.flatMap((peer) => {
      const figure = median(results.get(`${id} ${peer}`));
      const nginx = median(results.get(`${id} nginx`));
      if (figure === null) return [];
      return [{ scenario: id, peer, unit, ...figure, ratio: nginx === null ? null : figure.cost / nginx.cost }];
    }),
  );
}

/** The figure with the median cost; null if there are none. */
function median(figures: readonly Figure[] | undefined): Figure | null {
  const sorted = [...(figures ?? [])].sort((a, b) => a.cost - b.cost);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}

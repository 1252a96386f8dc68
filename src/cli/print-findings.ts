/** Findings as text for people. */
import type { Finding } from '../diagnostics/finding.js';
import { renderFindings } from '../diagnostics/render.js';
import { printError } from '../process/standard-streams.js';
import { colored } from './terminal.js';

/**
 * @param findings in the order of the text
 * @param all whether equal findings are shown one by one
 */
export function printFindings(findings: readonly Finding[], all = false): void {
  printError(renderFindings(findings, { color: colored(), all }).trimEnd());
}

/** Findings as text for people. */
import type { Finding } from '../diagnostics/finding.js';
import { renderFindings } from '../diagnostics/render.js';
import { printError } from '../process/standard-streams.js';
import { colored } from './terminal.js';

/** @param findings in the order of the text */
export function printFindings(findings: readonly Finding[]): void {
  printError(renderFindings(findings, { color: colored() }).trimEnd());
}

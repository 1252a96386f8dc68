/** Reloads the configuration; a refused one is shown with the code frames of its findings. */
import type { ReloadReport } from '../configuration-reports.js';
import { type Control, failureText } from './control.js';
import { openDialog } from './dialog.js';
import { type Child, h } from './dom.js';
import { summaryOfFindings } from './findings.js';

/** Null if the proxy cannot be controlled. */
export function reloadButton(control: Control, onReloaded: () => void): Child {
  if (!control.allowed) return null;
  const button = h('button', { type: 'button', class: 'primary reload' }, 'Check and reload');
  button.addEventListener('click', () => {
    button.disabled = true;
    void control.post('reload', {}).then((reply) => {
      button.disabled = false;
      const report = reply.body as Partial<ReloadReport> | null;
      if (typeof report === 'object' && report !== null && 'generation' in report) {
        showReport(report as ReloadReport);
        if (report.generation !== null) onReloaded();
      } else openDialog('Reload', h('p', {}, failureText(reply)));
    });
  });
  return button;
}

function showReport({ generation, findings, rendered }: ReloadReport): void {
  const summary = summaryOfFindings(findings);
  const dialog = openDialog(
    generation === null ? 'The configuration was refused' : `Generation ${generation} is in force`,
    h(
      'p',
      {},
      generation === null
        ? `Nothing has changed${summary === '' ? '' : `: ${summary}`}.`
        : `Open connections continue${summary === '' ? '' : `. ${summary}`}.`,
    ),
    rendered !== '' && h('pre', { class: 'code-frames', tabindex: 0 }, rendered),
  );
  dialog.classList.add('is-wide');
}

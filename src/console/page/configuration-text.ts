/** The texts of the running configuration, with the findings below the lines. */
import type { JsonFinding } from '../../diagnostics/json-finding.js';
import type { ConfigurationReport, ConfigurationText } from '../configuration-reports.js';
import { type Control, failureText } from './control.js';
import { fill, h } from './dom.js';
import { findingBox, summaryOfFindings } from './findings.js';
import { bytes } from './numbers.js';
import { reloadButton } from './reload.js';
import { Highlighter } from './syntax.js';

/** Lines of a part: parts outside of the window are not laid out. */
const PART = 100;

export class ConfigurationTextPanel {
  readonly element = h('div', { class: 'configuration-text' });
  private readonly control: Control;

  constructor(control: Control) {
    this.control = control;
  }

  async show(): Promise<void> {
    if (this.element.firstChild === null)
      fill(this.element, h('p', { class: 'none padded' }, 'Reading the configuration …'));
    const reply = await this.control.get('config');
    if (reply.status !== 200) fill(this.element, h('p', { class: 'none padded' }, failureText(reply)));
    else this.render(reply.body as ConfigurationReport);
  }

  private render({ generation, texts, findings, changedOnDisk }: ConfigurationReport): void {
    const summary = summaryOfFindings(findings);
    const files = texts.map((text) =>
      fileOf(
        text,
        findings.filter(({ at }) => at?.file === text.file),
      ),
    );
    const elsewhere = findings.filter(({ at }) => at === null || !texts.some(({ file }) => file === at.file));
    fill(
      this.element,
      h(
        'div',
        { class: 'toolbar' },
        h('b', {}, `Generation ${generation}`),
        h('span', { class: 'faint' }, summary === '' ? 'no findings' : summary),
        changedOnDisk && h('span', { class: 'state is-warning' }, 'the files on disk are different'),
        findings.length > 0 && h('button', { type: 'button', on: { click: () => this.nextFinding() } }, 'Next finding'),
        h('span', { class: 'spacer' }),
        texts.length > 1 && fileLinks(files),
        reloadButton(this.control, () => void this.show()),
      ),
      h(
        'div',
        { class: 'files', tabindex: 0, role: 'region', 'aria-label': 'Texts of the configuration' },
        elsewhere.map(findingBox),
        files.map(({ element }) => element),
      ),
    );
  }

  private nextFinding(): void {
    const scroller = this.element.querySelector('.files');
    if (scroller === null) return;
    const boxes = [...scroller.querySelectorAll('.finding')];
    const { top } = scroller.getBoundingClientRect();
    const next = boxes.find((box) => box.getBoundingClientRect().top > top + 90) ?? boxes[0];
    if (next === undefined) return;
    // Skipped parts may move the element when they are laid out: the second call uses its final position.
    next.scrollIntoView({ block: 'start' });
    next.scrollIntoView({ block: 'start' });
    scroller.scrollTop -= 80;
  }
}

interface FileElement {
  readonly file: string;
  readonly element: HTMLElement;
}

function fileLinks(files: readonly FileElement[]): HTMLElement {
  const select = h(
    'select',
    { 'aria-label': 'File' },
    files.map(({ file }, i) => h('option', { value: i }, file)),
  );
  select.addEventListener('change', () => files[Number(select.value)]?.element.scrollIntoView({ block: 'start' }));
  return select;
}

function fileOf({ file, text, omitted }: ConfigurationText, findings: readonly JsonFinding[]): FileElement {
  const byLine = new Map<number, JsonFinding[]>();
  for (const finding of findings) {
    const line = finding.at?.line ?? 1;
    byLine.set(line, [...(byLine.get(line) ?? []), finding]);
  }
  const lines = text.replace(/\n$/, '').split('\n');
  const highlighter = new Highlighter();
  const parts: HTMLElement[] = [];
  for (let start = 0; start < lines.length; start += PART) {
    const part = h('div', { class: 'code-part' });
    for (const [i, line] of lines.slice(start, start + PART).entries()) {
      const number = start + i + 1;
      const found = byLine.get(number);
      part.append(lineOf(number, highlighter.line(line), found));
      for (const finding of found ?? []) part.append(findingBox(finding));
    }
    parts.push(part);
  }
  const element = h(
    'section',
    { class: 'file', 'aria-label': file },
    h('h2', {}, file),
    h('div', { class: 'code' }, parts),
    omitted > 0 && h('p', { class: 'none padded' }, `${bytes(omitted)} more are not shown.`),
  );
  return { file, element };
}

function lineOf(number: number, nodes: readonly Node[], findings: readonly JsonFinding[] | undefined): HTMLElement {
  const worst = findings?.some(({ severity }) => severity === 'error') === true ? 'error' : findings?.[0]?.severity;
  return h(
    'div',
    { class: worst === undefined ? 'code-line' : `code-line has-${worst}` },
    h('span', { class: 'code-number', 'aria-hidden': 'true' }, number),
    h('span', { class: 'code-text' }, nodes),
  );
}

/** Frames or messages of the watched WebSockets, with the selected one below. */
import { h } from './dom.js';
import {
  FRAME_FIELDS,
  type FrameRowEntry,
  frameColumns,
  frameDetails,
  MESSAGE_FIELDS,
  type MessageRowEntry,
  messageColumns,
  OpcodeFilter,
} from './frame-list.js';
import { gapText } from './gap-text.js';
import { ListFrame } from './list-frame.js';
import type { Traffic } from './traffic.js';

type Mode = 'frames' | 'messages';
/** The mode that the user has chosen last. */
let mode: Mode = 'frames';

export interface FramePanelOptions {
  readonly traffic: Traffic;
  /** Text that identifies a tunnel, if frames of several are shown. */
  readonly tunnel: ((id: string) => string) | null;
  readonly payloads: () => boolean;
  readonly actions: readonly HTMLElement[];
}

export class FramePanel {
  readonly element = h('div', { class: 'frame-panel' });
  private readonly area = h('div', { class: 'frame-area' });
  private readonly selection = h('section', { class: 'selection', 'aria-label': 'Selected frame', tabindex: -1 });
  private readonly frames: ListFrame<FrameRowEntry>;
  private readonly messages: ListFrame<MessageRowEntry>;
  private readonly modes: HTMLElement;

  constructor(private readonly options: FramePanelOptions) {
    this.selection.hidden = true;
    this.modes = h(
      'div',
      { class: 'segments', role: 'group', 'aria-label': 'Rows' },
      (['frames', 'messages'] as const).map((each) =>
        h(
          'button',
          { type: 'button', 'data-mode': each, on: { click: () => this.setMode(each) } },
          each === 'frames' ? 'Frames' : 'Messages',
        ),
      ),
    );
    const { traffic } = options;
    this.frames = this.newFrames();
    this.frames.onResume = (count) => traffic.addPaused(traffic.frames, count);
    this.messages = this.newMessages();
    this.messages.onResume = (count) => traffic.addPaused(traffic.messages.log, count);
    this.element.append(
      h('div', { class: 'panel-bar' }, this.modes, h('span', { class: 'spacer' }), options.actions),
      this.area,
    );
    this.setMode(mode);
  }

  get current(): ListFrame<FrameRowEntry> | ListFrame<MessageRowEntry> {
    return mode === 'frames' ? this.frames : this.messages;
  }

  private newFrames(): ListFrame<FrameRowEntry> {
    const opcodes = new OpcodeFilter(() => frame.applyFilter());
    const { traffic, tunnel } = this.options;
    const frame: ListFrame<FrameRowEntry> = new ListFrame<FrameRowEntry>(traffic.frames, {
      name: tunnel === null ? 'frames' : 'all-frames',
      label: 'Frames',
      noun: 'frames',
      columns: frameColumns(tunnel),
      fields: FRAME_FIELDS,
      placeholder: 'Search: error  from:client  size>1k',
      controls: [opcodes.element],
      also: () => opcodes.predicate<FrameRowEntry>(),
      always: (row) => row.kind === 'gap',
      note: gapText,
      onSelect: (row) => this.showSelection(row),
      empty: () => this.empty(),
    });
    return frame;
  }

  private newMessages(): ListFrame<MessageRowEntry> {
    const opcodes = new OpcodeFilter(() => frame.applyFilter());
    const { traffic, tunnel } = this.options;
    const frame: ListFrame<MessageRowEntry> = new ListFrame<MessageRowEntry>(traffic.messages.log, {
      name: tunnel === null ? 'messages' : 'all-messages',
      label: 'Messages',
      noun: 'messages',
      columns: messageColumns(tunnel),
      fields: MESSAGE_FIELDS,
      placeholder: 'Search: error  from:client  size>1k',
      controls: [opcodes.element],
      also: () => opcodes.predicate<MessageRowEntry>(),
      always: (row) => row.kind === 'gap',
      note: gapText,
      onSelect: (row) => this.showSelection(row),
      empty: () => this.empty(),
    });
    return frame;
  }

  private empty(): HTMLElement[] {
    const lines = [h('p', {}, 'Frames appear here as they pass, from now on.')];
    if (!this.options.payloads()) {
      lines.push(
        h(
          'p',
          { class: 'faint' },
          'Only their lengths are shown: payloads need ',
          h('code', {}, 'console_payload on;'),
          '.',
        ),
      );
    }
    return lines;
  }

  private setMode(next: Mode): void {
    mode = next;
    for (const button of this.modes.querySelectorAll('button')) {
      button.setAttribute('aria-pressed', String(button.dataset.mode === next));
    }
    this.select(null);
    this.area.replaceChildren(this.current.element, this.selection);
    this.current.paint(true);
  }

  private select(row: null): void {
    this.frames.list.select(row);
    this.messages.list.select(row);
    this.showSelection(null);
  }

  private showSelection(row: FrameRowEntry | MessageRowEntry | null): void {
    this.selection.hidden = row === null || row.kind === 'gap';
    this.selection.replaceChildren();
    if (row === null || row.kind === 'gap') return;
    const close = h(
      'button',
      { type: 'button', class: 'quiet close', 'aria-label': 'Close the payload', title: 'Close (Esc)' },
      '×',
    );
    close.addEventListener('click', () => this.select(null));
    this.selection.append(close, frameDetails(row, this.options.traffic));
  }

  get hasSelection(): boolean {
    return !this.selection.hidden;
  }

  closeSelection(): void {
    this.select(null);
    this.current.list.element.focus();
  }

  paint(): void {
    this.current.paint(false);
  }
}

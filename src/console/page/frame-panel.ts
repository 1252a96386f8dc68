/** Frames or messages of the watched WebSockets, with the selected one below. */
import { type Child, h } from './dom.js';
import type { FilterField } from './filter.js';
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
import type { RowLog } from './row-log.js';
import { SelectedRow } from './selected-row.js';
import type { Traffic } from './traffic.js';
import type { Column } from './virtual-list.js';
import { hiddenPayloads } from './withheld.js';

type Mode = 'frames' | 'messages';
/** The mode that the user selected last. */
let mode: Mode = 'frames';

const TITLES: Readonly<Record<Mode, string>> = { frames: 'Frames', messages: 'Messages' };

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
  private readonly selection = new SelectedRow('Selected frame', 'Close the payload', () => this.select(null));
  private readonly frames: ListFrame<FrameRowEntry>;
  private readonly messages: ListFrame<MessageRowEntry>;
  private readonly modes: HTMLElement;

  constructor(private readonly options: FramePanelOptions) {
    this.modes = h(
      'div',
      { class: 'segments', role: 'group', 'aria-label': 'Rows' },
      (['frames', 'messages'] as const).map((each) =>
        h('button', { type: 'button', 'data-mode': each, on: { click: () => this.setMode(each) } }, TITLES[each]),
      ),
    );
    const { traffic, tunnel } = options;
    this.frames = this.list('frames', traffic.frames, frameColumns(tunnel), FRAME_FIELDS);
    this.frames.onResume = (count) => traffic.addPaused(traffic.frames, count);
    this.messages = this.list('messages', traffic.messages.log, messageColumns(tunnel), MESSAGE_FIELDS);
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

  private list<T extends FrameRowEntry | MessageRowEntry>(
    noun: Mode,
    log: RowLog<T>,
    columns: readonly Column<T>[],
    fields: readonly FilterField<T>[],
  ): ListFrame<T> {
    const opcodes = new OpcodeFilter(() => frame.applyFilter());
    const frame: ListFrame<T> = new ListFrame<T>(log, {
      name: this.options.tunnel === null ? noun : `all-${noun}`,
      label: TITLES[noun],
      noun,
      columns,
      fields,
      placeholder: 'Search: error  from:client  size>1k',
      controls: [opcodes.element],
      also: () => opcodes.predicate<T>(),
      always: (row) => row.kind === 'gap',
      note: gapText,
      onSelect: (row) => this.showSelection(row),
      empty: () => this.empty(),
    });
    return frame;
  }

  private empty(): Child[] {
    return [h('p', {}, 'Frames appear here as they pass, from now on.'), !this.options.payloads() && hiddenPayloads()];
  }

  private setMode(next: Mode): void {
    mode = next;
    for (const button of this.modes.querySelectorAll('button')) {
      button.setAttribute('aria-pressed', String(button.dataset.mode === next));
    }
    this.select(null);
    this.area.replaceChildren(this.current.element, this.selection.element);
    this.current.paint(true);
  }

  private select(row: null): void {
    this.frames.list.select(row);
    this.messages.list.select(row);
    this.showSelection(null);
  }

  private showSelection(row: FrameRowEntry | MessageRowEntry | null): void {
    this.selection.show(row === null || row.kind === 'gap' ? null : frameDetails(row, this.options.traffic));
  }

  get hasSelection(): boolean {
    return this.selection.isShown;
  }

  closeSelection(): void {
    this.select(null);
    this.current.list.element.focus();
  }

  paint(): void {
    this.current.paint(false);
  }
}

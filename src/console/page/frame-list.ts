/** Lists of frames and of messages: columns, filters, and the payload of the selected one. */
import type { Withheld } from '../feed-format.js';
import { preciseClock } from '../local-time.js';
import { h } from './dom.js';
import type { FilterField, Predicate } from './filter.js';
import type { MessageEntry, MessageGap } from './messages.js';
import { count, duration, plural } from './numbers.js';
import { closePayload, GROUPS, type OpcodeGroup, opcodeGroup, opcodeName } from './opcode.js';
import { payloadView, summaryOf } from './payload-view.js';
import { facts } from './request-details.js';
import type { FrameEntry, Gap, Traffic } from './traffic.js';
import type { Column } from './virtual-list.js';
import { withheldText } from './withheld.js';

export type FrameRowEntry = FrameEntry | Gap;
export type MessageRowEntry = MessageEntry | MessageGap;

/** The part that frames and messages have in common. */
interface Shown {
  readonly id: string;
  /** Of the first frame. */
  readonly started: number;
  readonly from: 'client' | 'upstream';
  readonly opcode: number;
  readonly length: number;
  readonly compressed: boolean;
  readonly payload: Uint8Array | null;
  readonly withheld: Withheld | null;
}

const shownOf = (row: FrameRowEntry | MessageRowEntry): Shown | null => {
  if (row.kind === 'gap') return null;
  if (row.kind === 'frame') return { ...row.row, started: row.row.time };
  return { ...row.message, id: row.id };
};

/** Whether a payload is shown as text. Continuations may be text: the opcode of their message is unknown here. */
function isText({ opcode, compressed }: Shown, row: FrameRowEntry | MessageRowEntry): boolean {
  return (opcode === 1 || opcode === 0) && !(row.kind === 'frame' && compressed);
}

function payloadSummary(row: FrameRowEntry | MessageRowEntry): string {
  const shown = shownOf(row);
  if (shown === null) return '';
  if (shown.payload === null) return shown.length === 0 ? '' : `(${withheldText(shown.withheld)})`;
  if (shown.opcode === 8) return closePayload(shown.payload);
  return summaryOf(shown.payload, isText(shown, row) || (shown.opcode >= 8 && shown.opcode <= 10));
}

const decoder = new TextDecoder();

/** Payload as text for searches. */
function searchText(row: FrameRowEntry | MessageRowEntry): string {
  const shown = shownOf(row);
  return shown?.payload == null ? '' : decoder.decode(shown.payload);
}

function fields<T extends FrameRowEntry | MessageRowEntry>(): FilterField<T>[] {
  const of =
    <V>(get: (shown: Shown) => V) =>
    (row: T): V | null => {
      const shown = shownOf(row);
      return shown === null ? null : get(shown);
    };
  return [
    { name: 'payload', searched: true, of: searchText },
    { name: 'opcode', searched: true, of: of(({ opcode }) => opcodeName(opcode)) },
    { name: 'from', searched: false, of: of(({ from }) => from) },
    { name: 'size', searched: false, of: of(({ length }) => length) },
    { name: 'gap', searched: false, of: (row) => (row.kind === 'gap' ? null : (row as FrameEntry | MessageEntry).gap) },
    { name: 'id', searched: false, of: of(({ id }) => id) },
  ];
}

export const FRAME_FIELDS = fields<FrameRowEntry>();
export const MESSAGE_FIELDS = fields<MessageRowEntry>();

const DIRECTIONS = { client: '↑', upstream: '↓' } as const;

/** The columns that frames and messages have in common. `tunnel`: text that identifies the tunnel, if rows of several are shown. */
function shared<T extends FrameRowEntry | MessageRowEntry>(tunnel: ((id: string) => string) | null): Column<T>[] {
  const of =
    (get: (shown: Shown) => string) =>
    (row: T): string => {
      const shown = shownOf(row);
      return shown === null ? '' : get(shown);
    };
  return [
    { name: 'time', title: 'Time', text: of(({ started }) => preciseClock(started)) },
    { name: 'gap number', title: 'Gap', text: (row) => gapOf(row) },
    ...(tunnel === null ? [] : [{ name: 'tunnel', title: 'Tunnel', text: of(({ id }) => tunnel(id)) }]),
    {
      name: 'direction',
      title: 'Dir',
      text: of(({ from }) => DIRECTIONS[from]),
      tone: of(({ from }) => `is-${from}`),
    },
    {
      name: 'opcode',
      title: 'Opcode',
      text: of(({ opcode }) => opcodeName(opcode)),
      tone: of(({ opcode }) => `is-${opcodeGroup(opcode)}`),
    },
    { name: 'length number', title: 'Length', text: of(({ length }) => (length < 0 ? '?' : count(length))) },
  ];
}

function gapOf(row: FrameRowEntry | MessageRowEntry): string {
  if (row.kind === 'gap' || row.gap < 0) return '';
  return `+${duration(row.gap)}`;
}

function maskText(mask: number | null): string {
  return mask === null ? '' : mask.toString(16).padStart(8, '0');
}

export function frameColumns(tunnel: ((id: string) => string) | null): Column<FrameRowEntry>[] {
  const own = <V extends string>(get: (entry: FrameEntry) => V) => {
    return (row: FrameRowEntry): string => (row.kind === 'gap' ? '' : get(row));
  };
  return [
    ...shared<FrameRowEntry>(tunnel),
    { name: 'fin', title: 'FIN', text: own(({ row }) => (row.fin ? 'fin' : '')) },
    { name: 'mask', title: 'Mask', text: own(({ row }) => maskText(row.mask)) },
    { name: 'compressed', title: 'Compr.', text: own(({ row }) => (row.compressed ? 'deflate' : '')) },
    { name: 'payload', title: 'Payload', text: payloadSummary },
  ];
}

export function messageColumns(tunnel: ((id: string) => string) | null): Column<MessageRowEntry>[] {
  return [
    ...shared<MessageRowEntry>(tunnel),
    {
      name: 'frames number',
      title: 'Frames',
      text: (row) => (row.kind === 'gap' ? '' : String(row.message.frames)),
      tone: (row) => (row.kind === 'message' && row.message.frames > 1 ? 'is-notable' : ''),
    },
    {
      name: 'compressed',
      title: 'Compr.',
      text: (row) => (row.kind === 'message' && row.message.compressed ? 'deflate' : ''),
    },
    { name: 'payload', title: 'Payload', text: payloadSummary },
  ];
}

/** Buttons that show and hide groups of opcodes, and the predicate that follows from them. */
export class OpcodeFilter {
  private readonly hidden = new Set<OpcodeGroup>();
  readonly element: HTMLElement;

  constructor(onChange: () => void) {
    this.element = h(
      'div',
      { class: 'toggles', role: 'group', 'aria-label': 'Opcodes that are shown' },
      GROUPS.map(([group, title]) => {
        const button = h('button', { type: 'button', class: `toggle is-${group}`, 'aria-pressed': 'true' }, title);
        button.addEventListener('click', () => {
          if (!this.hidden.delete(group)) this.hidden.add(group);
          button.setAttribute('aria-pressed', String(!this.hidden.has(group)));
          onChange();
        });
        return button;
      }),
    );
  }

  predicate<T extends FrameRowEntry | MessageRowEntry>(): Predicate<T> | null {
    const { hidden } = this;
    if (hidden.size === 0) return null;
    return (row) => {
      const shown = shownOf(row);
      return shown === null || !hidden.has(opcodeGroup(shown.opcode));
    };
  }
}

/** Details of one frame or message. */
export function frameDetails(row: FrameEntry | MessageEntry, traffic: Traffic): HTMLElement {
  const shown = shownOf(row);
  if (shown === null) return h('div');
  const open = traffic.tunnel(shown.id)?.open;
  const sender = shown.from === 'client' ? `client ${open?.client ?? ''}` : `upstream ${open?.upstream ?? ''}`;
  const flags = row.kind === 'frame' ? frameFacts(row) : messageFacts(row);
  const text = isText(shown, row);
  const name = `${opcodeName(shown.opcode)}-${preciseClock(shown.started).replace(/[:.]/g, '')}`;
  return h(
    'div',
    { class: 'frame-details' },
    facts([
      ['Time', preciseClock(shown.started)],
      ['From', sender],
      ['Opcode', `${opcodeName(shown.opcode)} (${shown.opcode})`],
      ...flags,
    ]),
    shown.opcode === 8 && shown.payload !== null && h('p', {}, closePayload(shown.payload)),
    shown.payload === null
      ? h('p', { class: 'none' }, `${plural(Math.max(0, shown.length), 'byte')}, ${withheldText(shown.withheld)}`)
      : payloadView(
          shown.payload,
          Math.max(shown.length, shown.payload.length),
          text,
          `${name}.${text ? 'txt' : 'bin'}`,
        ),
  );
}

type Fact = readonly [string, string] | null;

function frameFacts({ row, gap }: FrameEntry): Fact[] {
  return [
    ['Length', plural(Math.max(0, row.length), 'byte')],
    ['FIN', row.fin ? '1' : '0'],
    row.rsv === 0 ? null : ['RSV', row.rsv.toString(2).padStart(3, '0')],
    ['Masking key', row.mask === null ? 'none' : maskText(row.mask)],
    ['Compressed', row.compressed ? 'yes: the message is shown decompressed under Messages' : 'no'],
    gap < 0 ? null : ['Gap', duration(gap)],
  ];
}

function messageFacts({ message, gap }: MessageEntry): Fact[] {
  const { length, frames, started, time, compressed, wireLength } = message;
  return [
    ['Length', plural(Math.max(0, length), 'byte')],
    ['Frames', count(frames)],
    time > started ? ['Sent within', duration(time - started)] : null,
    ['Compressed', compressed ? `yes${wireLength < 0 ? '' : `, ${plural(wireLength, 'byte')}`}` : 'no'],
    gap < 0 ? null : ['Gap', duration(gap)],
  ];
}

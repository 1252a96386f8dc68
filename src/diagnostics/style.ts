/** Colours of a terminal; who renders decides whether they are wanted. */

export interface Style {
  error(text: string): string;
  warning(text: string): string;
  hint(text: string): string;
  /** What is less important: frames and line numbers. */
  faint(text: string): string;
  strong(text: string): string;
}

const paint = (code: number) => (text: string) => `\x1b[${code}m${text}\x1b[0m`;

export const COLOURED: Style = {
  error: paint(31),
  warning: paint(33),
  hint: paint(36),
  faint: paint(2),
  strong: paint(1),
};

const same = (text: string) => text;
export const PLAIN: Style = { error: same, warning: same, hint: same, faint: same, strong: same };

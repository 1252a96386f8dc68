/** Terminal colours; the caller decides whether to use them. */

export interface Style {
  error(text: string): string;
  warning(text: string): string;
  hint(text: string): string;
  /** For less important parts: frames and line numbers. */
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

const unchanged = (text: string) => text;
export const PLAIN: Style = {
  error: unchanged,
  warning: unchanged,
  hint: unchanged,
  faint: unchanged,
  strong: unchanged,
};

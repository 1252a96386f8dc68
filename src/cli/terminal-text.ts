/** Text of clients and upstreams in a terminal: it must neither move the cursor nor change colours. */

/** Control characters, which a terminal would interpret, and those that break lines or change the direction of text. */
const CONTROLS = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const LETTERS: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** The text with control characters made visible: `\n`, `\u{1b}`. */
export function visibleText(text: string): string {
  return text.replace(CONTROLS, (char) => LETTERS[char] ?? `\\u{${char.charCodeAt(0).toString(16)}}`);
}

/** A line of a log with control characters made visible as logs escape them, `\x1B`; tabs remain. */
export function visibleLine(line: string): string {
  return line.replace(CONTROLS, (char) => {
    if (char === '\t') return char;
    const code = char.charCodeAt(0).toString(16).toUpperCase();
    return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`;
  });
}

/** A payload in one line: text, or hexadecimal digits if it is not UTF-8. A character may be cut at its end. */
export function payloadText(payload: Uint8Array): string {
  try {
    return visibleText(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload, { stream: true }));
  } catch {
    return Buffer.from(payload)
      .toString('hex')
      .replace(/(..)(?=.)/g, '$1 ');
  }
}

export function bytesText(count: number): string {
  if (count < 1000) return `${count} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = count / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** A duration in ms. */
export function durationText(ms: number): string {
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

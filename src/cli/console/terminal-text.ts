/** Text of clients and upstreams in a terminal: it must neither move the cursor nor change colours. */

/** The text with control characters made visible. */
export function visibleText(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (character) => {
    if (character === '\n') return '\\n';
    if (character === '\r') return '\\r';
    if (character === '\t') return '\\t';
    return `\\u{${character.charCodeAt(0).toString(16)}}`;
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

/** Time of day, local. */
export function clockText(time: number, withMilliseconds: boolean): string {
  const date = new Date(time);
  const two = (n: number): string => String(n).padStart(2, '0');
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return withMilliseconds ? `${clock}.${String(date.getMilliseconds()).padStart(3, '0')}` : clock;
}

/** Files that the page creates. */
import { h } from './dom.js';

/** Lets the browser save the parts as a file. */
export function download(name: string, parts: BlobPart[], type: string): void {
  const url = URL.createObjectURL(new Blob(parts, { type }));
  const link = h('a', { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  // The browser reads the blob after the click has been handled.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Name with the time, so that exports do not overwrite each other. */
export function fileName(stem: string, ending: string): string {
  const time = new Date().toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
  return `tsproxy-${stem}-${time}.${ending}`;
}

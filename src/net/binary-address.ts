/** IP addresses as bytes. */

/** Returns the 4 or 16 bytes of an address; other text (`unix:`) is returned unchanged. */
export function binaryAddress(address: string): string {
  if (/^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$/.test(address)) return inet(address);
  if (!address.includes(':') || address.startsWith('unix:')) return address;
  const plain = address.replace(/%.*$/, '').replace(/[0-9]+\.[0-9.]+$/, (tail) => {
    const bytes = inet(tail);
    return `${group(bytes, 0).toString(16)}:${group(bytes, 2).toString(16)}`;
  });
  const [head = '', tail] = plain.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = new Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0');
  return [...before, ...zeros, ...after]
    .map((digits) => Number.parseInt(digits, 16))
    .map((value) => String.fromCharCode(value >> 8, value & 255))
    .join('');
}

function inet(address: string): string {
  return String.fromCharCode(...address.split('.').map(Number));
}

function group(bytes: string, at: number): number {
  return (bytes.charCodeAt(at) << 8) | bytes.charCodeAt(at + 1);
}

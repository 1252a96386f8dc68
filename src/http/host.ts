/** Host of a request, from the request line or the Host field. */

/** Characters allowed in a host name or IP literal besides letters and digits (RFC 3986: unreserved, sub-delims, %). */
const EXTRA_CHARACTERS = "-_~!$&'()*+,;=%";

const allowed: boolean[] = new Array<boolean>(256).fill(false);
for (let c = 0; c < 128; c++) {
  allowed[c] = /[A-Za-z0-9]/.test(String.fromCharCode(c)) || EXTRA_CHARACTERS.includes(String.fromCharCode(c));
}

let lastValue = '';
let lastHost: string | null = null;

/**
 * Returns the host in lower case without port and trailing dot; null if nginx rejects it (400). The last value is
 * cached: clients mostly send the same host on a connection.
 */
export function validHost(value: string): string | null {
  if (value === lastValue && lastHost !== null) return lastHost;
  const host = parse(value);
  lastValue = value;
  lastHost = host;
  return host;
}

/** Returns the most recently validated string if it has the same content: comparing identical strings is free. */
export function knownHost(value: string): string {
  return value === lastValue ? lastValue : value;
}

function parse(value: string): string | null {
  let end = value.length;
  let dot = -2;
  let i = 0;
  const literal = value.charCodeAt(0) === 91; // [
  if (literal) {
    const close = value.indexOf(']');
    if (close < 0) return null;
    for (i = 1; i < close; i++) {
      const c = value.charCodeAt(i);
      if (c === 46) {
        if (dot === i - 1) return null;
        dot = i;
      } else if (c !== 58 && (allowed[c] !== true || c === 37)) return null;
    }
    end = close + 1;
    i = end;
    if (i < value.length && value.charCodeAt(i) !== 58) return null;
  } else {
    for (; i < value.length; i++) {
      const c = value.charCodeAt(i);
      if (c === 58) break;
      if (c === 46) {
        if (dot === i - 1) return null;
        dot = i;
      } else if (allowed[c] !== true) return null;
    }
    end = i;
  }
  let port = 0;
  for (i++; i < value.length; i++) {
    const c = value.charCodeAt(i);
    if (c < 48 || c > 57) return null;
    port = port * 10 + c - 48;
    if (port > 65535) return null;
  }
  if (!literal && dot === end - 1) end--;
  if (end <= 0) return null;
  return value.slice(0, end).toLowerCase();
}

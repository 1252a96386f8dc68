export function head(r) {
  r.headersOut['X-A'] = 'b';
}
export function body(r, data, flags) {
  r.sendBuffer(data, flags);
}
export const text = 'x';

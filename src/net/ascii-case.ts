/** Lower-cases the ASCII letters of a byte string; unlike `toLowerCase`, leaves bytes above 127 unchanged. */
export function asciiLowerCase(text: string): string {
  // Most strings contain no capitals.
  return text.toLowerCase() === text ? text : text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

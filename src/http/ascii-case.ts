/** A text with the letters of ASCII in lower case; bytes above 127 are parts of characters, which `toLowerCase` would change. */
export function asciiLowerCase(text: string): string {
  // Most have no capitals at all.
  return text.toLowerCase() === text ? text : text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

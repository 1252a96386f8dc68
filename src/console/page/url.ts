/** URL below the page, without the credentials, arguments and fragment of its own. */
export function urlOf(path: string): URL {
  const base = new URL(document.baseURI);
  base.username = '';
  base.password = '';
  base.search = '';
  base.hash = '';
  return new URL(path, base);
}

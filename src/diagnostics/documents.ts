/** Addresses of the project's documents, for messages, help texts and reports. */

/** The public repository; the same as `repository` in package.json. */
export const REPOSITORY = 'https://github.com/tsproxy/tsproxy';

/** Address of a document by its path in the repository: `docs/codes.md#missing-semicolon`. */
export function documentUrl(path: string): string {
  return `${REPOSITORY}/blob/main/${path}`;
}

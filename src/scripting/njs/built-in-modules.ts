/** Modules that scripts import by name, as in njs. */

/** Loads a module: an object with its exports, `default` among them. */
export type LoadBuiltIn = () => Promise<Readonly<Record<string, unknown>>>;

export const BUILT_IN_MODULES: ReadonlyMap<string, LoadBuiltIn> = new Map<string, LoadBuiltIn>([
  ['buffer', async () => ({ ...(await import('node:buffer')) })],
  ['crypto', async () => ({ ...(await import('node:crypto')) })],
  ['fs', async () => ({ ...(await import('node:fs')) })],
  ['querystring', async () => ({ ...(await import('node:querystring')) })],
  [
    'xml',
    async () => {
      const { xml } = await import('./xml.js');
      return { ...xml, default: xml };
    },
  ],
  [
    'zlib',
    async () => {
      const { scriptZlib } = await import('./zlib.js');
      return { ...scriptZlib, default: scriptZlib };
    },
  ],
]);

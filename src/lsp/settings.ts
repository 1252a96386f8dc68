/** Settings of the editor, in the section `tsproxy`. */

export interface Settings {
  /** Main configuration file, absolute or relative to a folder of the workspace; empty: found by its name. */
  readonly mainFile: string;
  /** nginx's prefix (`-p`); empty: the directory of the main file. */
  readonly prefix: string;
  /** Codes of warnings and hints that are not reported. */
  readonly ignore: readonly string[];
  /** Features that tsproxy does not support are warnings, as with `--allow-unsupported`. */
  readonly allowUnsupported: boolean;
  /** Code lenses are shown at servers and locations. */
  readonly codeLens: boolean;
}

export const DEFAULT_SETTINGS: Settings = {
  mainFile: '',
  prefix: '',
  ignore: [],
  allowUnsupported: false,
  codeLens: true,
};

/** Settings as an editor sends them; values of other types are ignored. */
export function settingsOf(sent: unknown): Settings {
  const { mainFile, prefix, ignore, allowUnsupported, codeLens } = (sent ?? {}) as Record<string, unknown>;
  return {
    mainFile: typeof mainFile === 'string' ? mainFile : DEFAULT_SETTINGS.mainFile,
    prefix: typeof prefix === 'string' ? prefix : DEFAULT_SETTINGS.prefix,
    ignore: Array.isArray(ignore) ? ignore.filter((code) => typeof code === 'string') : DEFAULT_SETTINGS.ignore,
    allowUnsupported: allowUnsupported === true,
    codeLens: codeLens !== false,
  };
}

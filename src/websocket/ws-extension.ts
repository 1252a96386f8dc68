/** Parts of `ws` that implement extensions, which its type declarations omit. */
import * as ws from 'ws';

/** Parameters of an extension, by name; a list of values each before normalization. */
export type ExtensionParameters = Record<string, unknown>;

export interface PerMessageDeflate {
  readonly params: Readonly<ExtensionParameters> | null;
  offer(): ExtensionParameters;
  /** Throws if the offers or the response cannot be accepted. */
  accept(configurations: ExtensionParameters[]): ExtensionParameters;
  compress(data: Buffer, fin: boolean, done: (error: Error | null | undefined, result: Buffer) => void): void;
  decompress(
    data: Buffer,
    fin: boolean,
    done: (error: NodeJS.ErrnoException | null | undefined, result: Buffer) => void,
  ): void;
  cleanup(): void;
}

interface Undeclared {
  readonly extension: {
    /** Throws a SyntaxError if the field value is invalid. */
    parse(field: string): Record<string, ExtensionParameters[]>;
    format(extensions: Record<string, ExtensionParameters[]>): string;
  };
  readonly PerMessageDeflate: new (options: object) => PerMessageDeflate;
}

export const { extension, PerMessageDeflate: DeflateExtension } = ws as unknown as Undeclared;

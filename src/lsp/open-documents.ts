/** Documents that are open in the editor; their texts replace those of the files. */
import type { Source } from '../../grammar/syntax-tree.js';
import { toBytes } from '../diagnostics/byte-string.js';
import { isTemplateName, type MaskedTemplate, maskTags } from '../fragments/template.js';
import { pathOf } from './file-uri.js';

/** A document as the protocol's library keeps it. */
export interface EditorDocument {
  readonly uri: string;
  readonly version: number;
  getText(): string;
}

/** One version of an open document. */
export interface OpenDocument {
  readonly uri: string;
  readonly version: number;
  /** Path and text as bytes; tags of a template are replaced by text of the same length. */
  readonly source: Source;
  /** Set if the document is a template with tags. */
  readonly template: MaskedTemplate | null;
}

export class OpenDocuments {
  private readonly byPath = new Map<string, OpenDocument>();

  /** Replaces the text of a document. */
  update(document: EditorDocument): OpenDocument {
    const { uri, version } = document;
    const path = pathOf(uri);
    const text = toBytes(document.getText());
    const template = isTemplateName(path) ? maskTags(text) : null;
    const open = { uri, version, template, source: { name: path, text: template?.text ?? text } };
    this.byPath.set(path, open);
    return open;
  }

  close(uri: string): void {
    this.byPath.delete(pathOf(uri));
  }

  at(path: string): OpenDocument | undefined {
    return this.byPath.get(path);
  }

  of(uri: string): OpenDocument | undefined {
    return this.byPath.get(pathOf(uri));
  }

  all(): IterableIterator<OpenDocument> {
    return this.byPath.values();
  }
}

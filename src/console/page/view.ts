/** A view of the console: one of the tabs at the top. */
export interface View {
  readonly element: HTMLElement;
  /** The view becomes visible; `path`: parts of the address after its name. */
  show(path: readonly string[]): void;
  hide(): void;
  /** Shows what has changed since the last call; called while the view is visible. */
  paint(): void;
  /** Input that `/` focuses. */
  readonly filterInput?: HTMLElement | null;
  /** Handles a key that no other element has handled; returns whether it did. */
  key?(key: string): boolean;
}

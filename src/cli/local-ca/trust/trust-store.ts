/** Trust stores: the places where programs look up which CAs the user trusts. */
import type { X509Certificate } from 'node:crypto';

/** The machine and user whose stores are changed; different in tests. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly environment: NodeJS.ProcessEnv;
  /** Absolute path of the user's directory. */
  readonly home: string;
  /** Effective uid; null on Windows. */
  readonly uid: number | null;
  /** Directory that system paths start from: `/`. */
  readonly systemRoot: string;
}

/** The root's certificate and its file. */
export interface TrustedRoot {
  readonly certificate: X509Certificate;
  readonly file: string;
}

/** `outdated`: an earlier root of this CA is trusted. `unknown`: the store cannot be read. */
export type TrustState = 'trusted' | 'not trusted' | 'outdated' | 'unknown';

/** Result of a change: done, or the reason why it is not, and a command for the user's shell that does it. */
export type TrustChange =
  | { readonly done: true }
  | { readonly done: false; readonly reason: string; readonly byHand: string | null };

/** One store. */
export interface TrustStore {
  /** Programs that use it, and its place. */
  readonly name: string;
  /** State for this root; for any root if it is null. */
  state(root: TrustedRoot | null): TrustState;
  /** Adds the root, and removes earlier ones. */
  add(root: TrustedRoot): TrustChange;
  /** Removes all roots of the local CA. `root` is the present one, if there is one. */
  remove(root: TrustedRoot | null): TrustChange;
}

export const DONE: TrustChange = { done: true };

/** Providers: functions that open resources before user modules are evaluated, because top-level statements may use them. */
import type { CheckedBlock } from '../config/checked-config.js';
import type { Compiler } from '../program/module.js';
import { provideLibraries } from './library-provider.js';
import type { Scripts } from './scripts.js';

/** @param http the block `http`, whose directives a provider reads itself */
export type Provider = (scripts: Scripts, compiler: Compiler, http: CheckedBlock) => void | Promise<void>;

/** In the order of execution. */
export const PROVIDERS: readonly Provider[] = [provideLibraries];

/**
 * chevrotain, loaded from the single file that its package ships beside its fifty modules: to load them one by one takes
 * 50 ms of each start of the command, the single file takes 8.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type * as Chevrotain from 'chevrotain';

const single = new URL('../chevrotain.min.mjs', import.meta.resolve('chevrotain'));
const chevrotain: typeof Chevrotain = await import(existsSync(fileURLToPath(single)) ? single.href : 'chevrotain');

export const { createToken, EmbeddedActionsParser, EOF, Lexer } = chevrotain;

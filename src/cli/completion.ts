/** `tsproxy completion SHELL`: prints a script generated from the declarations of options and commands. */
import type { Command } from 'commander';
import { lints } from '../lints/index.js';
import { modules } from '../modules/index.js';
import { codeStories } from './code-stories.js';
import { bashScript } from './completion/bash.js';
import { fishScript } from './completion/fish.js';
import { completedProgram } from './completion/program.js';
import type { Shell } from './completion/shells.js';
import { zshScript } from './completion/zsh.js';
import { print } from './stdout.js';

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

/** Prints the script. Returns the exit code. */
export function completion(shell: Shell, program: Command): number {
  const directives = new Set(modules.flatMap((module) => Object.keys(module.directives)));
  const words = {
    directive: [...directives].sort(),
    code: codeStories(lints).map(({ code }) => code),
  };
  print(SCRIPTS[shell](completedProgram(program, words)));
  return 0;
}

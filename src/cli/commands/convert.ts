/** `tsproxy convert`: configurations of other programs, and JSON. */
import { Option } from 'commander';
import { FORMATS } from '../../convert/detect.js';
import type { ConvertOptions } from '../convert.js';
import type { DeclareCommand } from './command.js';

export const convert: DeclareCommand = (program, take) => {
  program
    .command('convert')
    .description('convert a configuration of another program, or convert between nginx.conf and JSON')
    .argument('[file]', 'the file; - or none: standard input')
    .addOption(new Option('--from <format>', 'format of the file (default: by its name and content)').choices(FORMATS))
    .addOption(new Option('--to <format>', 'format of the result').choices(['nginx', 'json']))
    .option('-o, --output <path>', 'write to a file, or the files of a JSON text into a directory')
    .option('--comments', 'also list in the result what was not converted')
    .option('--listen <address>', 'address of the server, if the file names none (default: 127.0.0.1:8080)')
    .option('--single-file', 'JSON without the included files')
    .action((file: string | undefined, options: ConvertOptions) => {
      take(async () => (await import('../convert.js')).convert(file, options));
    });
};

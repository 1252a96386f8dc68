/** All groups of requests. */
import type { RequestGroup } from '../request-outcome.js';
import { chunkBreaks, chunkExtensions, chunkSizes, trailers } from './chunks.js';
import { bothLengths, codingLines, codings, twoCodings } from './codings.js';
import { connections, expectations, hosts, pipelines, upgrades } from './connections.js';
import { lengthNames, lengths, twoLengths } from './lengths.js';
import { lines, names } from './lines.js';
import { forms, requestLines, targets, versions } from './request-lines.js';

export const requestGroups: readonly RequestGroup[] = [
  lengths,
  lengthNames,
  twoLengths,
  codings,
  codingLines,
  twoCodings,
  bothLengths,
  chunkSizes,
  chunkExtensions,
  chunkBreaks,
  trailers,
  lines,
  names,
  versions,
  requestLines,
  targets,
  forms,
  hosts,
  connections,
  expectations,
  upgrades,
  pipelines,
];

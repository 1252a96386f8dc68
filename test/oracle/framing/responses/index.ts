/** All groups of answers. */
import type { ResponseGroup } from '../response-outcome.js';
import { answerChunks, answerTrailers } from './chunks.js';
import { answerLengths, bodiless } from './lengths.js';
import { answerLines, statusLines } from './lines.js';
import { behind, interim } from './sequences.js';

export const responseGroups: readonly ResponseGroup[] = [
  statusLines,
  answerLines,
  answerLengths,
  bodiless,
  answerChunks,
  answerTrailers,
  interim,
  behind,
];

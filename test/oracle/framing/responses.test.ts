/** Answers whose end or meaning could be disputed, by nginx and tsproxy between recording back ends and a client. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { unavailable } from '../nginx.js';
import { differences, excess, OWN_PAGE } from './compare.js';
import { Declarations, type Found, settled } from './declarations.js';
import { type ResponseCase, type ResponseOutcome, responseOutcome } from './response-outcome.js';
import { responseGroups } from './responses/index.js';
import { KINDS, type Kind, type Lane, type Side, type Sides, startSides, type Way } from './sides.js';

const WAYS: readonly Way[] =
  process.env.FRAMING_LONG === undefined ? ['lines', 'whole'] : ['lines', 'pieces', 'bytes', 'whole'];

const declarations = new Declarations(responseGroups);

test('there are many answers', () => {
  const count = responseGroups.reduce((sum, group) => sum + group.cases.length, 0);
  assert.ok(count >= 90, String(count));
});

test('every declared difference is about a case', () => {
  assert.deepEqual(declarations.unknown(), []);
});

describe('no answer reaches the client otherwise than through nginx', { skip: unavailable, concurrency: true }, () => {
  let sides: Sides | undefined;
  before(async () => {
    sides = await startSides(true);
  });
  after(() => sides?.close());
  for (const group of responseGroups) {
    describe(group.name, { concurrency: true }, () => {
      for (const each of group.cases) {
        test(each.name, async () => {
          assert.ok(sides);
          const found = await sides.inLane((lane) =>
            settled(declarations.has(group.name, each.name), KINDS, (kind, pause) => compare(lane, kind, each, pause)),
          );
          declarations.judge(group.name, each.name, found);
        });
      }
    });
  }
});

async function compare({ nginx, tsproxy }: Lane, kind: Kind, each: ResponseCase, pause: number): Promise<Found> {
  assert.ok(nginx);
  nginx.pause = pause;
  const run = async (side: Side): Promise<ResponseOutcome[]> => {
    const outcomes: ResponseOutcome[] = [];
    for (const way of WAYS) outcomes.push(await responseOutcome(side, kind, each, way));
    return outcomes;
  };
  const [theirs, ours] = await Promise.all([run(nginx), run(tsproxy)]);
  const found = { differences: [] as string[], excess: [] as string[] };
  for (const [i, outcome] of ours.entries()) {
    const reference = theirs[i] as ResponseOutcome;
    found.differences.push(...differences(reference, outcome));
    found.excess.push(...excess(reference, theirs, outcome));
    for (const end of ['client kept', 'back end kept']) {
      const [first] = outcome.received;
      if (first?.body === OWN_PAGE || /^HTTP\/1\.1 1/.test(first?.start ?? '')) continue;
      if (outcome.answers.includes(end) && !theirs.some(({ answers }) => answers.includes(end))) {
        found.excess.push(`only tsproxy keeps the connection: ${end}`);
      }
    }
  }
  return found;
}

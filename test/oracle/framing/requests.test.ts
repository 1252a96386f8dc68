/** Requests whose end or meaning could be disputed, by nginx and tsproxy in front of recording back ends. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { readWithLlhttp } from '../../http1/llhttp.js';
import { unavailable } from '../nginx.js';
import { differences, excess } from './compare.js';
import { Declarations, type Found, settled } from './declarations.js';
import { type RequestCase, type RequestOutcome, requestOutcome } from './request-outcome.js';
import { requestGroups } from './requests/index.js';
import { KINDS, type Kind, type Lane, type Side, type Sides, startSides, type Way } from './sides.js';

const LONG = process.env.FRAMING_LONG !== undefined;
const WAYS: Readonly<Record<Kind, readonly Way[]>> = LONG
  ? { buffered: ['lines', 'pieces', 'bytes', 'whole'], streamed: ['lines', 'pieces', 'bytes', 'whole'] }
  : { buffered: ['lines', 'whole'], streamed: ['pieces', 'whole'] };
const declarations = new Declarations(requestGroups);

test('there are many requests', () => {
  const count = requestGroups.reduce((sum, group) => sum + group.cases.length, 0);
  assert.ok(count >= 300, String(count));
});

test('every declared difference is about a case', () => {
  assert.deepEqual(declarations.unknown(), []);
});

describe('no request reaches the back end otherwise than through nginx', {
  skip: unavailable,
  concurrency: true,
}, () => {
  let sides: Sides | undefined;
  before(async () => {
    sides = await startSides(true);
  });
  after(() => sides?.close());
  for (const group of requestGroups) {
    describe(group.name, { concurrency: true }, () => {
      for (const each of group.cases) {
        test(each.name, async () => {
          assert.ok(sides);
          const found = await sides.inLane((lane) =>
            settled(declarations.has(group.name, each.name), kindsFor(each), (kind, pause) =>
              compare(lane, kind, each, pause),
            ),
          );
          declarations.judge(group.name, each.name, found);
        });
      }
    });
  }
});

/** A body is what can be passed on before it has arrived. */
function kindsFor({ send }: RequestCase): readonly Kind[] {
  return /content.?length|transfer.?encoding/i.test(send) ? KINDS : ['buffered'];
}

async function compare({ nginx, tsproxy }: Lane, kind: Kind, { send }: RequestCase, pause: number): Promise<Found> {
  assert.ok(nginx);
  nginx.pause = pause;
  const run = async (side: Side): Promise<RequestOutcome[]> => {
    const outcomes: RequestOutcome[] = [];
    for (const way of WAYS[kind]) outcomes.push(await requestOutcome(side, kind, send, way, way === 'whole'));
    return outcomes;
  };
  const [theirs, ours] = await Promise.all([run(nginx), run(tsproxy)]);
  const found = { differences: [] as string[], excess: [] as string[] };
  for (const [i, outcome] of ours.entries()) {
    const reference = theirs[i] as RequestOutcome;
    found.differences.push(...differences(reference, outcome));
    found.excess.push(...excess(reference, theirs, outcome));
    found.excess.push(...(await llhttpDiffers(outcome)));
  }
  return found;
}

/** Messages at the back end that llhttp reads otherwise. */
async function llhttpDiffers({ raw }: RequestOutcome): Promise<string[]> {
  const found: string[] = [];
  for (const { message, raw: bytes } of raw) {
    // Behind an upgrade Node reads no body, whether the back end takes the upgrade or not.
    if (message.fields.some((line) => line.startsWith('upgrade:'))) continue;
    const { requests, error } = await readWithLlhttp(bytes);
    // Methods that llhttp does not know, and bytes that it does not take, are refused by it; nothing is misread then.
    if (requests.length === 0 && error !== '') continue;
    const seen = requests.map(({ method, target, body }) => `${method} ${target} ${body}`);
    const [method, target] = message.start.split(' ');
    const expected = [`${method} ${target} ${message.body}`];
    if (JSON.stringify(seen) !== JSON.stringify(expected)) {
      found.push(`llhttp reads ${JSON.stringify(seen)} for ${JSON.stringify(expected)}`);
    }
  }
  return found;
}

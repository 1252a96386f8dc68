import { test } from 'node:test';
import { judge, mutated, ownConfigurations } from './mutations.js';
import { Random } from './random.js';

const seeds = (process.env.STRESS_SEEDS ?? '1').split(',').map(Number);
const total = Number(process.env.STRESS_TEXTS ?? 1200);

for (const seed of seeds) {
  test(`${total} mutations of configurations are judged, whatever they have become (seed ${seed})`, () => {
    const texts = ownConfigurations();
    for (let i = 0; i < total; i++) {
      const text = mutated(texts, new Random(seed * 1_000_003 + i));
      try {
        judge(text);
      } catch (error) {
        throw new Error(`case ${i}:\n${text}`, { cause: error });
      }
    }
  });
}

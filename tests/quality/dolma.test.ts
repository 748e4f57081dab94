import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { viewOf } from '../../src/core/text-view.ts';
import { dolmaGopher } from '../../src/quality/judges/dolma-gopher.ts';
import { golden, textOf } from './golden.ts';

const dolma = JSON.parse(readFileSync(new URL('../golden/quality/dolma.json', import.meta.url), 'utf8')) as {
  documents: [number[], [number, number]][];
};

it('dolma-gopher measures what dolma measures on every golden text', () => {
  const v2 = dolmaGopher.options.parse({});
  const v1 = dolmaGopher.options.parse({ ignoreEmptyLines: false });
  const reasons = new Set<string>();
  let differ = 0;
  golden.documents.forEach((document, i) => {
    const text = textOf(document);
    if (text === undefined) return;
    const [wanted, everyLine] = dolma.documents[i]!;
    const values = Array.from(dolmaGopher.judge.measure(viewOf(text), v2));
    expect(values.length).toBe(dolmaGopher.judge.signals.length);
    wanted.forEach((value, k) => {
      expect(values[k], `${dolmaGopher.judge.signals[k]} of text ${i}`).toBeCloseTo(value, 12);
    });
    const lines = Array.from(dolmaGopher.judge.measure(viewOf(text), v1)).slice(7, 9);
    expect(lines[0], `text ${i}`).toBeCloseTo(everyLine[0], 12);
    expect(lines[1], `text ${i}`).toBeCloseTo(everyLine[1], 12);
    if (everyLine[0] !== wanted[7]) differ++;
    const verdict = dolmaGopher.judge.decide(values, v2);
    if (!verdict.keep) reasons.add(verdict.reason);
  });
  expect(differ).toBeGreaterThan(5);
  expect(reasons.size).toBeGreaterThan(4);
});

import { describe, expect, it } from 'vitest';
import { builtModule, loadStep } from '../../src/execute/load-step.ts';
import { STEPS } from '../../src/steps.ts';

describe('a worker', () => {
  it('finds every step of the table in the module that defines it, and not the whole table', async () => {
    for (const step of STEPS) {
      const url = builtModule(step.module);
      expect(url).toContain('/dist/');
      const loaded = await loadStep(url, { kind: step.kind });
      expect([loaded.kind, loaded.role, loaded.module]).toEqual([step.kind, step.role, url]);
    }
  });

  it('says which module lacks the step', async () => {
    await expect(loadStep(builtModule(STEPS[0]!.module), { kind: 'nosuch' })).rejects.toThrow(
      /does not export it/,
    );
  });
});

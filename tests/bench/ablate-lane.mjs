// A process that carries out the trainings that it is told of, one after another: what one would write by hand.
import { carryOutTraining } from '../../dist/ablate/training.js';

process.once('message', async (tasks) => {
  const context = { signal: new AbortController().signal, report() {}, say() {} };
  for (const task of tasks) await carryOutTraining(task, context);
  process.disconnect();
});

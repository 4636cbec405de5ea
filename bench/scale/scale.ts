/**
 * Measures how figures change with size: of the service with connections, instances and the limit of its L1; of the
 * library with the size of values and the number of keys. It draws each as SVG beside the results. `bun run bench
 * scale`
 */
import { Stage } from '../http/stage.ts';
import { benchmark } from '../support/benchmark.ts';
import type { Row } from '../support/report.ts';
import { measureConnections } from './connections.ts';
import { measureInstances } from './instances.ts';
import { measureKeys } from './keys.ts';
import { measureMemory } from './memory.ts';
import { measureSizes } from './sizes.ts';

await benchmark('scale', async () => ({
  rows: [
    ...(await onStage(measureConnections)),
    ...(await onStage(measureInstances)),
    ...(await onStage(({ redis }) => measureSizes(redis))),
    ...(await onStage(({ redis }) => measureKeys(redis))),
    ...(await onStage(measureMemory)),
  ],
}));

/** Gives each measurement servers of its own, so that it leaves nothing to the next. */
async function onStage(measure: (stage: Stage) => Promise<Row[]>): Promise<Row[]> {
  await using stage = await Stage.set();
  return await measure(stage);
}

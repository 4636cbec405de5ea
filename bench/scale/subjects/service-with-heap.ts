/**
 * Runs the service, with a second server beside it that reports the memory of its process. Its environment is the
 * service's.
 */
import { heapStats } from 'bun:jsc';

const teller = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch() {
    Bun.gc(true);
    const { heapSize, extraMemorySize } = heapStats();
    return Response.json({ heap: heapSize + extraMemorySize, resident: process.memoryUsage.rss() });
  },
});
console.log(`heap ${teller.url.origin}`);
await import('../../../src/service/main.ts');

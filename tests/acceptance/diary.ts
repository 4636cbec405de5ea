import { until } from '../../src/testing/until.ts';
import type { LogLine, ServiceProcess } from '../support/service-process.ts';

/** Of some services, what they log from its making on. */
export class Diary {
  readonly #pages: readonly { readonly service: ServiceProcess; readonly from: number }[];

  constructor(services: readonly ServiceProcess[]) {
    this.#pages = services.map((service) => ({ service, from: service.logs.length }));
  }

  /** The lines of this event, of each service for itself. */
  lines(event: string): LogLine[][] {
    return this.#pages.map(({ service, from }) => service.logs.slice(from).filter((line) => line.event === event));
  }

  /** How many lines of this event each service has. */
  counts(event: string): number[] {
    return this.lines(event).map(({ length }) => length);
  }

  /** Waits until every service has such a line. */
  async everybody(event: string, within = 10_000): Promise<void> {
    await until(() => this.lines(event).every(({ length }) => length > 0), {
      what: `every instance to log ${event}`,
      within,
    });
  }
}

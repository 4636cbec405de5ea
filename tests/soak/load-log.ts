import type { PostgresServer } from '../support/postgres-server.ts';

/** A load of a product that PostgreSQL has executed. */
export interface LoggedLoad {
  /** Milliseconds since 1970, by PostgreSQL's clock. */
  readonly at: number;
  /** The name under which its instance connects. */
  readonly instance: string;
  readonly id: number;
}

/** Settings under which {@link loadsIn} finds what it looks for. */
export const LOG_LOADS = { log_statement: 'all', log_line_prefix: '%m [%p] %a: ' } as const;

/** A database URL under which an instance is known by a name. */
export function nameInstance(url: string, name: string): string {
  const named = new URL(url);
  named.searchParams.set('application_name', name);
  return named.href;
}

const LINE = /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) UTC \[(\d+)\] (\S+): (LOG|DETAIL): {2}([\s\S]*)$/;
const LOAD = /^execute [^:]*:[\s\S]* from products where id = \$1 and org_id = \$2$/;
const PARAMETERS = /^parameters: \$1 = '(\d+)'/;

/** The loads of single products in the log of a server that was started with {@link LOG_LOADS}, in order. */
export function loadsIn(server: PostgresServer): LoggedLoad[] {
  const loads: LoggedLoad[] = [];
  // The parameters of a statement are the next line of its process.
  const loading = new Set<string>();
  for (const entry of server.log().split(/\n(?=\d{4}-\d\d-\d\d )/)) {
    const [, time = '', process = '', instance = '', kind, text = ''] = LINE.exec(entry.trimEnd()) ?? [];
    if (kind === 'LOG' && LOAD.test(text)) loading.add(process);
    else if (kind === 'DETAIL' && loading.delete(process)) {
      const id = Number(PARAMETERS.exec(text)?.[1]);
      loads.push({ at: Date.parse(`${time.replace(' ', 'T')}Z`), instance, id });
    } else loading.delete(process);
  }
  return loads;
}

/** For each load the milliseconds since the one before of the same product by the same instance. */
export function pausesBetween(loads: readonly LoggedLoad[]): number[] {
  const latest = new Map<string, number>();
  const pauses: number[] = [];
  for (const { at, instance, id } of loads) {
    const key = `${instance} ${id}`;
    const before = latest.get(key);
    if (before !== undefined) pauses.push(at - before);
    latest.set(key, at);
  }
  return pauses;
}

import type { ServiceProcess } from '../support/service-process.ts';
import { ask, askAll } from './asking.ts';
import { listPath, PLACES_OF_PRODUCT } from './catalog.ts';

/** Adds a product to org 1, and tells its id. */
export async function addProduct(service: ServiceProcess, name: string): Promise<number> {
  const body = { sku: name.toUpperCase().replaceAll(' ', '-'), name, price: 1 };
  const answer = await ask(service, listPath(1), { method: 'POST', body });
  if (answer.status !== 201) throw new Error(`${name} was answered ${answer.status}: ${answer.text}`);
  return answer.json<{ id: number }>().id;
}

/** The name of a product as a service answers it now. */
export async function nameOf(service: ServiceProcess, path: string): Promise<string> {
  return (await ask(service, path)).json<{ name: string }>().name;
}

/** Whether a service shows this price of product 1 in all {@link PLACES_OF_PRODUCT}, on the dashboard by a later version. */
export async function showsChange(service: ServiceProcess, price: number, versionBefore: number): Promise<boolean> {
  const [row, list, dashboard] = await askAll(service, PLACES_OF_PRODUCT);
  const listed = list?.json<{ id: number; price: number }[]>().find(({ id }) => id === 1);
  const version = dashboard?.json<{ version: number }>().version ?? 0;
  return row?.json<{ price: number }>().price === price && listed?.price === price && version > versionBefore;
}

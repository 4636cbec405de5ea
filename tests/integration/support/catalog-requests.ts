import type { ServiceProcess } from '../../support/service-process.ts';

/** A product as the API shows it. */
export interface ProductAnswer {
  readonly id: number;
  readonly name: string;
  readonly version: number;
}

/** The path of a product of the sample catalog, whose ids tell their org. */
export const productPath = (id: number): string => `/api/v1/orgs/${Math.ceil(id / 100)}/products/${id}`;

/** The path of a BOM of the sample catalog. */
export const bomPath = (id: number): string => `/api/v1/orgs/${Math.ceil(id / 50)}/boms/${id}`;

/** The path of a license plate of the sample catalog. */
export const platePath = (id: number): string => `/api/v1/orgs/${Math.ceil(id / 200)}/license-plates/${id}`;

/** A product as an instance answers it now. */
export async function readProduct(service: ServiceProcess, id: number): Promise<ProductAnswer> {
  const answer = await service.fetch(productPath(id));
  if (answer.status !== 200) throw new Error(`${productPath(id)} was answered ${answer.status}`);
  return (await answer.json()) as ProductAnswer;
}

/** Gives a product another name. */
export function renameProduct(service: ServiceProcess, id: number, name: string): Promise<Response> {
  return service.fetch(productPath(id), {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
  });
}

import type { Resource } from '../../resources/resource.ts';
import { mutationOperation, readOperation } from '../http/openapi/operation.ts';
import { timed } from '../http/response-times.ts';
import { API_PREFIX, type Route } from '../http/route.ts';
import type { Services } from './dependencies.ts';
import { mutationRoute } from './mutation-route.ts';
import { readRoute } from './read-route.ts';

/** Returns the HTTP routes that a resource's declaration asks for. */
export function resourceRoutes(resource: Resource, services: Services): Route[] {
  const path = API_PREFIX + resource.route;
  const read: Route = {
    method: 'GET',
    path,
    handle: timed(readRoute(resource, services), services.answers),
    isSealed: true,
    operation: readOperation(resource),
  };
  const mutations = resource.mutations.map((mutation): Route => {
    return {
      method: mutation.method,
      path: path + (mutation.suffix ?? ''),
      handle: timed(mutationRoute(resource, mutation, services), services.answers),
      operation: mutationOperation(resource, mutation),
    };
  });
  return [read, ...mutations];
}

import type { Resource } from '../../resources/resource.ts';
import { mutationOperation, readOperation } from '../openapi/operation.ts';
import { API_PREFIX } from '../paths.ts';
import type { Route } from '../route.ts';
import type { Services } from '../services.ts';
import { mutationRoute } from './mutation-route.ts';
import { readRoute } from './read-route.ts';

/** Everything that a resource's declaration means over HTTP. */
export function resourceRoutes(resource: Resource, services: Services): Route[] {
  const path = API_PREFIX + resource.route;
  const read: Route = {
    method: 'GET',
    path,
    handle: readRoute(resource, services),
    operation: readOperation(resource),
  };
  const mutations = resource.mutations.map((mutation): Route => {
    return {
      method: mutation.method,
      path: path + (mutation.suffix ?? ''),
      handle: mutationRoute(resource, mutation, services),
      operation: mutationOperation(resource, mutation),
    };
  });
  return [read, ...mutations];
}

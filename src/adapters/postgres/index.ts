export { type CancellableQuery, cancellable } from './cancellable.ts';

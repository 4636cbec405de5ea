export { type Patience, until } from '../../src/testing/until.ts';

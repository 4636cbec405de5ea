export { overriding } from '../../src/testing/overriding.ts';

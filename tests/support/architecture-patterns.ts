/** Names that only some runtimes have, or that reach outside of the process. */
export const RUNTIME = /\b(?:Bun|Deno|process|Buffer|require|__dirname|__filename|console|fetch)\b(?!\s*[:?])/g;

/** Time and chance as the platform has them. */
export const TIME_AND_CHANCE =
  /\b(?:performance\s*\.|setTimeout|setInterval|setImmediate|Math\.random|Date\b|crypto\b|AbortSignal\.timeout)/g;

/** The environment of the process. */
export const ENVIRONMENT = /\b(?:process|Bun|Deno|import\.meta)\s*\??\.\s*env\b/g;

/** Behaviour that only tests would see. */
export const TEST_SWITCH = /\b(?:NODE_ENV|BUN_ENV|BUN_TEST|VITEST|JEST_WORKER_ID|isTest(?:ing)?|bun:test)\b/g;

/** Exports that do not say their names. */
export const LOOSE_EXPORT = /\bexport\s*(?:type\s*)?\*|\bexport\s+default\b|\bexport\s*=/g;

/** The type that switches checking off. */
export const ESCAPE_FROM_TYPES = /\bas any\b|:\s*any\b|<any\b|\bany\[\]/g;

/** Comments that silence the compiler or the linter. */
export const ESCAPE_FROM_TOOLS = /@ts-ignore|@ts-nocheck|biome-ignore|eslint-disable|prettier-ignore/g;

/** Tests that are left out, or leave the others out. */
export const UNFINISHED_TEST = /\b(?:test|it|describe)\.(?:skip|only|todo|failing)\b/g;

/** Absolute folders as only one person's machine has them. */
export const HOME_OF_SOMEBODY = /(?<![\w.])\/(?:home|Users|work)\/\w+|(?<![\w.])\/root\/|\b[A-Z]:\\\\?Users\\/g;

/** Hosts and secrets of package registries. */
export const PACKAGE_REGISTRY = /\bregistry\.[\w-]+\.[a-z]{2,}|_authToken|"resolved":\s*"http/g;

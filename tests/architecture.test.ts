import { describe, expect, test } from 'bun:test';
import {
  cycles,
  expectNone,
  type Layer,
  layerOf,
  matches,
  misnamed,
  pastTheDoor,
  roomsOf,
  tooLong,
  uses,
  wrongRoom,
  wrongWay,
} from './support/architecture.ts';
import {
  ENVIRONMENT,
  ESCAPE_FROM_TOOLS,
  ESCAPE_FROM_TYPES,
  HOME_OF_SOMEBODY,
  LOOSE_EXPORT,
  PACKAGE_REGISTRY,
  RUNTIME,
  TEST_SWITCH,
  TIME_AND_CHANCE,
  UNFINISHED_TEST,
} from './support/architecture-patterns.ts';
import { projectFiles, readProjectFile, readSources } from './support/sources.ts';

/** Who may use whom: service → catalog, resources, telemetry, adapters → core. What is not listed is not allowed. */
const LAYERS: Readonly<Record<string, Layer>> = {
  core: { layers: [], packages: [] },
  'index.ts': { layers: ['core'], packages: [] },
  'adapters/memory': { layers: ['core'], packages: [] },
  'adapters/lru': { layers: ['core'], packages: ['lru-cache'] },
  'adapters/redis': { layers: ['core'], packages: ['ioredis', 'node:'] },
  'adapters/postgres': { layers: ['core'], packages: ['postgres', 'node:'] },
  'adapters/elysia': { layers: ['core'], packages: ['elysia', 'node:'] },
  telemetry: { layers: ['core'], packages: ['@opentelemetry/api'] },
  testing: { layers: ['core', 'adapters/memory'], packages: ['node:'] },
  resources: { layers: ['core'], packages: ['@sinclair/typebox', 'postgres'] },
  catalog: {
    layers: ['core', 'resources', 'adapters/postgres'],
    packages: ['@electric-sql/pglite', '@electric-sql/pglite-socket', '@sinclair/typebox', 'postgres', 'node:'],
  },
  service: {
    layers: [
      'core',
      'resources',
      'catalog',
      'telemetry',
      'adapters/lru',
      'adapters/redis',
      'adapters/postgres',
      'adapters/elysia',
    ],
    packages: [
      '@elysiajs/openapi',
      '@opentelemetry/api',
      '@scalar/api-reference',
      '@sinclair/typebox',
      'elysia',
      'pino',
      'pino-pretty',
      'node:',
    ],
  },
  otel: { layers: [], packages: ['@opentelemetry/api', '@opentelemetry/sdk-node', 'node:'] },
};

/** The rooms of the core, each with the rooms that it may use. Reads and writes do not know each other. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  primitives: [],
  model: ['primitives'],
  ports: ['model', 'primitives'],
  tiers: ['ports', 'model', 'primitives'],
  state: ['tiers', 'ports', 'model', 'primitives'],
  refill: ['state', 'tiers', 'ports', 'model', 'primitives'],
  read: ['refill', 'state', 'tiers', 'ports', 'model', 'primitives'],
  write: ['refill', 'state', 'ports', 'model', 'primitives'],
  sync: ['write', 'state', 'tiers', 'ports', 'model', 'primitives'],
  root: ['read', 'write', 'sync', 'refill', 'state', 'tiers', 'ports', 'model', 'primitives'],
};

/** The rooms of the core that other layers may enter. */
const DOORS = { all: ['root', 'model', 'ports', 'primitives'], of: { service: ['read', 'write'] } };

/** Files that may be longer than the rest, each with the reason. */
const LONG_FILES: ReadonlyMap<string, string> = new Map();
const MOST_LINES = 350;

const files = projectFiles();
const sources = readSources();
const inFolder = (...folders: string[]) => sources.filter(({ path }) => folders.some((one) => path.startsWith(one)));
const source = inFolder('src/', 'otel/');
const core = inFolder('src/core/');

const readsEnvironment = (path: string) => /^src\/service\/config\//.test(path) || path.startsWith('otel/');
/** The rules' own samples break them on purpose. */
const isSample = (path: string) => path.startsWith('tests/support/architecture');
const isText = (path: string) => !/\.(?:png|jpg|gif|ico|woff2?|gz|tgz|pem|wasm)$/.test(path);

describe('the sources', () => {
  test('are found', () => {
    expect(core.length).toBeGreaterThan(20);
    expect(new Set(source.map(({ path }) => layerOf(path))).size).toBeGreaterThan(5);
  });

  test('import in one direction, each layer only its own packages', () => expectNone(wrongWay(source, LAYERS)));

  test('of the core import from the rooms below them', () => expectNone(wrongRoom(core, ROOMS)));

  test('outside the core enter it by its open rooms', () => expectNone(pastTheDoor(source, DOORS)));

  test('have no rings of imports', () => expectNone(cycles(source)));

  test('have no rings of folders', () => expectNone(cycles(roomsOf(source))));

  test('of the core know no runtime', () => {
    const others = core.filter(({ path }) => path !== 'src/core/primitives/async-context.ts');
    expectNone(uses(others, RUNTIME, 'only async-context.ts asks the runtime for a module'));
  });

  test('of the core take time and chance from their ports', () => {
    const others = core.filter(({ path }) => path !== 'src/core/primitives/clock.ts');
    expectNone(uses(others, TIME_AND_CHANCE, 'only clock.ts touches the platform’s time and chance'));
  });

  test('read the environment in the configuration alone', () => {
    const others = source.filter(({ path }) => !readsEnvironment(path));
    expectNone(uses(others, ENVIRONMENT, 'only the configuration reads the environment'));
  });

  test('have no switches for tests', () => {
    expectNone(source.flatMap(({ path, code }) => matches(path, code, TEST_SWITCH, 'a switch for tests')));
  });

  test('export by name', () =>
    expectNone(uses(inFolder('src/', 'otel/', 'tests/support/'), LOOSE_EXPORT, 'export by name')));

  test('stay short', () => {
    expectNone(
      tooLong(
        sources.filter(({ path }) => !LONG_FILES.has(path)),
        MOST_LINES,
      ),
    );
  });

  test('are named in kebab case', () => expectNone(misnamed(files)));

  test('do not go round the types and the tools', () => {
    expectNone(uses(sources, ESCAPE_FROM_TYPES, 'a way round the types'));
    const others = sources.filter(({ path }) => !isSample(path));
    expectNone(others.flatMap(({ path, text }) => matches(path, text, ESCAPE_FROM_TOOLS, 'a way round the tools')));
  });
});

test('no test is skipped or stands alone', () =>
  expectNone(uses(inFolder('tests/'), UNFINISHED_TEST, 'an unfinished test')));

test('no file names a place that only one machine has', () => {
  const found = files
    .filter((path) => isText(path) && !isSample(path))
    .flatMap((path) => {
      const text = readProjectFile(path);
      return [
        ...matches(path, text, HOME_OF_SOMEBODY, 'a folder of one machine'),
        ...matches(path, text, PACKAGE_REGISTRY, 'a package registry'),
      ];
    });
  expectNone(found);
});

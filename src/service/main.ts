import { catalogResources } from '../catalog/resources/index.ts';
import type { MadeTokens } from './auth/operator-tokens.ts';
import { helpText } from './config/help.ts';
import {
  type Config,
  ConfigError,
  describeConfig,
  EXIT_BAD_CONFIG,
  loadConfig,
  processEnvironment,
} from './config/load-config.ts';
import { createContext, type ServiceContext } from './create-service.ts';
import { descriptorLimit, descriptorWarning } from './descriptor-limit.ts';
import { listen, type RunningServer } from './http/server.ts';
import { createLogger, type Logger } from './logging/logger.ts';
import { startFailure } from './start-failure.ts';
import { startGuide } from './start-guide.ts';
import { onTermination } from './termination.ts';

/** `EX_USAGE` of sysexits.h. */
const EXIT_USAGE = 64;

/** The start waits at most this long for the cache's first proof. Reads before it are right too, and go to the source. */
const FIRST_PROOF_MS = 1_000;

const groups = catalogResources.map((resource) => resource.group);

async function main(words: readonly string[]): Promise<void> {
  if (words.some((word) => word === '--help' || word === '-h')) return console.log(helpText(groups));
  if (words.length > 0) return fail(`Unknown argument ${JSON.stringify(words[0])}\n\n${helpText(groups)}`, EXIT_USAGE);
  const config = readConfig();
  if (config === undefined) return;
  const log = await createLogger(config.log);
  try {
    await serve(config, log);
  } catch (error) {
    const { reason, exitCode } = startFailure(error, config);
    log.fatal({ event: 'start_failed', ...(log.isLevelEnabled('debug') && { err: error }) }, reason);
    process.exitCode = exitCode;
  }
}

function readConfig(): Config | undefined {
  try {
    return loadConfig(processEnvironment(), { isTerminal: process.stdout.isTTY === true, groups });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    fail(error.message, EXIT_BAD_CONFIG);
    return undefined;
  }
}

async function serve(config: Config, log: Logger): Promise<void> {
  log.debug({ event: 'configuration', ...describeConfig(config) });
  const tooFew = descriptorWarning(descriptorLimit(), config.http.maxRequests);
  for (const warning of [...config.warnings, ...(tooFew === undefined ? [] : [tooFew])])
    log.warn({ event: 'configuration' }, warning);
  const ending = new AbortController();
  let starting: Promise<Running> | undefined;
  let isRunning = false;
  // The handler is set before the start begins. A signal then ends the start, and closes the parts that it has opened.
  onTermination(log, {
    isStarting: () => !isRunning,
    async close() {
      ending.abort();
      const running = await starting?.catch(() => undefined);
      await running?.stop();
    },
  });
  starting = start(config, log, ending.signal);
  const running = await starting.catch((error: unknown) => {
    if (!ending.signal.aborted) throw error;
  });
  if (running === undefined || ending.signal.aborted) return;
  isRunning = true;
  const { server, context } = running;
  await context.cache.ready(FIRST_PROOF_MS);
  log.info({ event: 'listening', url: server.url, pid: process.pid }, `Listening on ${server.url}`);
  if (config.profile === 'dev') process.stderr.write(guideTo(server.url, config, context.madeTokens));
}

/** A service that takes requests. */
interface Running {
  readonly server: RunningServer;
  readonly context: ServiceContext;
  stop(): Promise<void>;
}

async function start(config: Config, log: Logger, signal: AbortSignal): Promise<Running> {
  const context = await createContext(config, catalogResources, log, { signal });
  try {
    const server = listen(context.app, config.http);
    return {
      server,
      context,
      async stop() {
        await server.stop();
        await context[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await context[Symbol.asyncDispose]();
    throw error;
  }
}

/** Writes the start guide for a developer. The log goes to stdout, where programs read it. */
function guideTo(url: string, { auth }: Config, { viewerToken }: MadeTokens): string {
  const given =
    auth.viewer.kind === 'given' ? '$VIEWER_TOKEN' : auth.admin.kind === 'given' ? '$ADMIN_TOKEN' : undefined;
  // The log holds a generated token already. The guide repeats it only on a terminal.
  const made = process.stderr.isTTY === true ? viewerToken : undefined;
  return startGuide({ url, auth: auth.mode, viewerToken: made ?? given, seconds: performance.now() / 1_000 });
}

function fail(message: string, exitCode: number): void {
  console.error(message);
  process.exitCode = exitCode;
}

await main(process.argv.slice(2));

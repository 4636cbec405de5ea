import postgres, { type Sql } from 'postgres';

/** The server ends a session that was idle for this long. A process that stands still loses the lead with it. */
const IDLE_SESSION_MS = 1_500;
/** The database has this long for one answer. A connection without an answer by then counts as dead. */
const ANSWER_MS = 3_000;
/** Seconds, here and in the next line. */
const CONNECT_SECONDS = 3;
const CLOSE_SECONDS = 1;

/**
 * Returns the parsers and serializers that postgres.js uses by default. The client that is asked for them never
 * connects.
 */
function plainTypes(): Pick<Sql['options'], 'parsers' | 'serializers'> {
  const { parsers, serializers } = postgres({ max: 1 }).options;
  return { parsers, serializers };
}

/** The name in `pg_stat_activity` of the session that holds the lead and listens. */
export const SESSION_NAME = 'tiercel-outbox';

/** The name of the session that writes. */
export const WRITER_NAME = 'tiercel-outbox-writer';

/** A session that only writes is closed after this many seconds without a statement. */
const WRITER_IDLE_SECONDS = 10;

/** The use of one session. */
export interface SessionUse {
  readonly name: string;
  /** True if the session is closed when it was idle for long, because it holds nothing. Default `false`. */
  readonly isTransient?: boolean;
  /** Called for each notification after {@link OwnSession.listen}. */
  readonly onNotify?: () => void;
}

/**
 * One connection beside the pool. It is opened at its first use, and again after it was lost or did not answer in time.
 * One instance holds what belongs to a session: an advisory lock and `LISTEN`. Another instance writes, so that a slow
 * commit delays neither. The pool cannot do this work. A caller who invalidates inside a transaction holds one of its
 * connections. The pool may have no second one, and the caller would wait for it.
 */
export class OwnSession {
  readonly #pool: Sql;
  readonly #use: SessionUse;
  #client: Sql | undefined;
  /** Concerns the present connection. */
  #isListening = false;
  #period = 0;

  constructor(pool: Sql, use: SessionUse) {
    this.#pool = pool;
    this.#use = use;
  }

  /** True while notifications of {@link listen} arrive. */
  get isListening(): boolean {
    return this.#isListening;
  }

  /** Returns another number after each loss of the connection. */
  get period(): number {
    return this.#period;
  }

  /**
   * Runs one statement.
   * @throws the error of the database, or another one when no answer comes in time.
   */
  async run<T>(statement: (sql: Sql) => Promise<T>): Promise<T> {
    this.#client ??= this.#connect();
    const client = this.#client;
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      this.#drop(client);
      reject(new Error(`The database did not answer within ${ANSWER_MS} ms`));
    }, ANSWER_MS);
    try {
      return await Promise.race([statement(client), promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Calls `onNotify` for each notification of the channel, until the connection is lost. */
  async listen(channel: string): Promise<void> {
    await this.run((sql) => sql`listen ${sql(channel)}`);
    this.#isListening = true;
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.end({ timeout: CLOSE_SECONDS });
  }

  #connect(): Sql {
    const { options } = this.#pool;
    const { name, isTransient = false, onNotify = () => {} } = this.#use;
    const settings = {
      ...options,
      max: 1,
      idle_timeout: isTransient ? WRITER_IDLE_SECONDS : null,
      max_lifetime: null,
      connect_timeout: CONNECT_SECONDS,
      // Statements here pass and return no arrays, so the session needs no types of the database.
      fetch_types: false,
      // The pool's own types do not apply: a pool may parse its JSON with another function.
      types: {},
      ...plainTypes(),
      backoff: () => 0.05,
      shared: { retries: 0, typeArrayMap: {} },
      transform: {
        undefined: null,
        column: { from: undefined, to: undefined },
        value: { from: undefined, to: undefined },
        row: { from: undefined, to: undefined },
      },
      connection: {
        ...options.connection,
        application_name: name,
        ...(!isTransient && { idle_session_timeout: IDLE_SESSION_MS }),
        statement_timeout: ANSWER_MS,
      },
      onnotify: onNotify,
      // A client whose connection was lost in the middle of a statement would fail the next statement with that loss.
      onclose: () => this.#drop(client),
    };
    // The client takes its own parsed settings back, as it does itself for `listen`. Its types do not allow that.
    const client = postgres(settings as unknown as Parameters<typeof postgres>[0]);
    return client;
  }

  #drop(client: Sql): void {
    if (this.#client === client) {
      this.#client = undefined;
      this.#isListening = false;
      this.#period += 1;
    }
    // The client has no caller left. Unanswered statements are lost or given up, so a failure to end it means nothing.
    client.end({ timeout: 0 }).catch(() => undefined);
  }
}

import postgres, { type Sql } from 'postgres';

/** A session that has said nothing for so long is ended by the server, and with it the lead of a process that stands. */
const IDLE_SESSION_MS = 1_500;
/** One answer of the database may take so long; then the connection is taken for dead. */
const ANSWER_MS = 3_000;
/** Seconds, this one and the next. */
const CONNECT_SECONDS = 3;
const CLOSE_SECONDS = 1;

/** What postgres.js makes of types where nothing is said of them. The client that is asked never connects. */
function plainTypes(): Pick<Sql['options'], 'parsers' | 'serializers'> {
  const { parsers, serializers } = postgres({ max: 1 }).options;
  return { parsers, serializers };
}

/** What the session of the lead and of `LISTEN` is called in `pg_stat_activity`. */
export const SESSION_NAME = 'tiercel-outbox';

/** What the session that writes is called. */
export const WRITER_NAME = 'tiercel-outbox-writer';

/** A session that only writes is closed after so many seconds without a statement. */
const WRITER_IDLE_SECONDS = 10;

/** What a session is for. */
export interface SessionUse {
  readonly name: string;
  /** Closed when it has been idle for long, because nothing belongs to it. Default `false`. */
  readonly isTransient?: boolean;
  /** Called for each notification after {@link OwnSession.listen}. */
  readonly onNotify?: () => void;
}

/**
 * One connection beside the pool. It is made when it is needed, and made anew when it was lost or has not answered in time.
 * One session holds what belongs to a session: an advisory lock, `LISTEN`. Another one writes, so that a slow commit holds
 * up neither. The pool would not do: a caller who invalidates inside a transaction holds one of its connections, and would
 * wait for another one that is not there.
 */
export class OwnSession {
  readonly #pool: Sql;
  readonly #use: SessionUse;
  #client: Sql | undefined;
  /** Of the present connection. */
  #isListening = false;
  #period = 0;

  constructor(pool: Sql, use: SessionUse) {
    this.#pool = pool;
    this.#use = use;
  }

  /** Whether notifications of {@link listen} arrive. */
  get isListening(): boolean {
    return this.#isListening;
  }

  /** Another number after each loss of the connection. */
  get period(): number {
    return this.#period;
  }

  /** Runs one statement. @throws what the database answers, or an error when it does not answer in time. */
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

  /** From now on, and until the connection is lost, `onNotify` is called for each notification. */
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
      // Statements here bring no arrays and ask for none, so nothing has to be known of types.
      fetch_types: false,
      // Nor must the pool's own types: a pool may have its JSON parsed by another function.
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
      // A client whose connection was lost in the middle of a statement would tell the next one of that loss.
      onclose: () => this.#drop(client),
    };
    // The client takes its own parsed settings back, as it does itself for `listen`; its types do not say so.
    const client = postgres(settings as unknown as Parameters<typeof postgres>[0]);
    return client;
  }

  #drop(client: Sql): void {
    if (this.#client === client) {
      this.#client = undefined;
      this.#isListening = false;
      this.#period += 1;
    }
    // Nobody waits for it: what it has not answered is lost or has been given up, and its end has nothing to tell.
    client.end({ timeout: 0 }).catch(() => undefined);
  }
}

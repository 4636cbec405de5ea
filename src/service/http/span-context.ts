import { type Context, ROOT_CONTEXT } from '@opentelemetry/api';

/**
 * An empty context, like `ROOT_CONTEXT`. A value that is put into it becomes an object with one field. The API's own
 * contexts copy a `Map` and make three functions each time. That is most of the cost of a request that is not sampled.
 */
export const EMPTY_CONTEXT: Context = {
  getValue: () => undefined,
  setValue: (key, value) => new OneValue(key, value),
  deleteValue: () => EMPTY_CONTEXT,
};

class OneValue implements Context {
  readonly #key: symbol;
  readonly #value: unknown;

  constructor(key: symbol, value: unknown) {
    this.#key = key;
    this.#value = value;
  }

  getValue(key: symbol): unknown {
    return key === this.#key ? this.#value : undefined;
  }

  setValue(key: symbol, value: unknown): Context {
    return ROOT_CONTEXT.setValue(this.#key, this.#value).setValue(key, value);
  }

  deleteValue(key: symbol): Context {
    return key === this.#key ? EMPTY_CONTEXT : this;
  }
}

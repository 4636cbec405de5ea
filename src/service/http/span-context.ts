import { type Context, ROOT_CONTEXT } from '@opentelemetry/api';

/**
 * A context that holds nothing, like `ROOT_CONTEXT`, but what is put into it becomes an object with one field: the API's own
 * contexts copy a `Map` and make three functions each time, which is most of what a request that is not sampled costs.
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

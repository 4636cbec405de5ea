/** How a cache hands out its values: `frozen` by default, `plain` with `freeze: false`, `decoded` with a `codec`. */
export type Form = 'frozen' | 'plain' | 'decoded';

/**
 * What a cache hands out of a value of type `V`: what JSON makes of it, deeply readonly unless `freeze` is off. With a
 * `codec` it is `V` again.
 */
export type Cached<V, F extends Form = 'frozen'> = F extends 'decoded'
  ? V
  : F extends 'plain'
    ? Jsonify<V>
    : Frozen<Jsonify<V>>;

/**
 * What comes back of a value that was written as JSON: of an object with `toJSON` what that returns, so of a `Date` its
 * text; no methods, symbols or members that are `undefined`. What cannot be stored is `never`. Names of enums and brands of
 * texts stay; `unknown` and `any` stay as they are.
 */
export type Jsonify<V> = unknown extends V
  ? V
  : V extends Atom
    ? V
    : V extends Binary
      ? never
      : V extends { toJSON(...given: never[]): infer Written }
        ? // Its own `toJSON` is not asked once more: `toJSON() { return this }` is an object as any other.
          Written extends unknown
          ? Members<Written>
          : never
        : Members<V>;

/** JSON has these as they are. */
type Atom = string | number | boolean | null;

/** A `Buffer` has a `toJSON`, and is refused all the same: an object of numbers is no use to anybody. */
type Binary = ArrayBufferView | ArrayBufferLike;

/** A `Map` or a `Set`. */
interface Collection {
  readonly size: number;
  has(...given: never[]): boolean;
  forEach(...given: never[]): void;
}

type Callable = (...given: never[]) => unknown;

/** What no `toJSON` has made into something else, and JSON would drop or write as an empty object. */
type Refused = undefined | symbol | bigint | Callable | Collection | Promise<unknown>;

type Members<T> = unknown extends T
  ? T
  : T extends Atom
    ? T
    : T extends Refused
      ? never
      : T extends readonly unknown[]
        ? Elements<T>
        : Fields<T>;

/** Lists are named as lists: a mapped type would be followed at once, and without end in a type that is its own element. */
type Elements<T extends readonly unknown[]> = T[number][] extends T
  ? T extends unknown[]
    ? Jsonify<T[number]>[]
    : readonly Jsonify<T[number]>[]
  : { [K in keyof T]: Jsonify<T[K]> };

type Fields<T> = Flat<
  { [K in keyof T as SureKey<T, K>]: Jsonify<T[K]> } & { [K in keyof T as PerhapsKey<T, K>]?: Jsonify<T[K]> }
>;

/** One object instead of an intersection. */
type Flat<T> = { [K in keyof T]: T[K] };

/** Members that are always there. */
type SureKey<T, K extends keyof T> = K extends symbol
  ? never
  : unknown extends T[K]
    ? K
    : undefined extends T[K]
      ? never
      : T[K] extends Callable | symbol
        ? never
        : K;

/** Members that may be `undefined`, and are then left out. */
type PerhapsKey<T, K extends keyof T> = K extends symbol
  ? never
  : unknown extends T[K]
    ? never
    : undefined extends T[K]
      ? T[K] extends Callable | symbol | undefined
        ? never
        : K
      : never;

/** Deeply readonly. */
export type Frozen<T> = unknown extends T
  ? T
  : T extends Atom
    ? T
    : T extends readonly unknown[]
      ? FrozenElements<T>
      : { readonly [K in keyof T]: Frozen<T[K]> };

type FrozenElements<T extends readonly unknown[]> = T[number][] extends T
  ? readonly Frozen<T[number]>[]
  : { readonly [K in keyof T]: Frozen<T[K]> };

/** The message of the compiler for a loader that may answer `undefined`. */
interface UndefinedIsNoValue {
  readonly undefinedIsNoValue: 'return null where the source has none';
}

/**
 * Beside the type of a loader or value of `V`: refuses at compile time what may be `undefined`. It lets `any` and `unknown`
 * pass, which may be anything, and the `V` of a function that is generic itself.
 *
 * The inner condition is what lets that `V` pass: where `V` is not known yet the compiler tries it with `any`, for which the
 * outer condition is false, so that only its second branch counts.
 */
export type Defined<V> = undefined extends ([unknown] extends [V] ? never : V) ? UndefinedIsNoValue : unknown;

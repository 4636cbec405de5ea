/**
 * The form of the values that a cache hands out: `frozen` by default, `plain` with `freeze: false`, `decoded` with a
 * `codec`.
 */
export type Form = 'frozen' | 'plain' | 'decoded';

/**
 * The type that a cache hands out for a value of type `V`. It is the type that JSON makes of `V`, deeply readonly
 * unless `freeze` is off. With a `codec` it is `V` again.
 */
export type Cached<V, F extends Form = 'frozen'> = F extends 'decoded'
  ? V
  : F extends 'plain'
    ? Jsonify<V>
    : Frozen<Jsonify<V>>;

/**
 * The type that a value has after it was written as JSON and read back. An object with `toJSON` becomes the value which
 * that returns, so a `Date` becomes its text. Methods, symbols and members that are `undefined` are left out.
 *
 * A type that cannot be stored becomes `never`. Names of enums and brands of texts stay. `unknown` and `any` stay too.
 */
export type Jsonify<V> = unknown extends V
  ? V
  : V extends Atom
    ? V
    : V extends Binary
      ? never
      : V extends { toJSON(...given: never[]): infer Written }
        ? // JSON does not call `toJSON` on its result: `toJSON() { return this }` gives an object like any other.
          Written extends unknown
          ? Members<Written>
          : never
        : Members<V>;

/** The types that JSON keeps unchanged. */
type Atom = string | number | boolean | null;

/** Bytes, which are refused. A `Buffer` has a `toJSON`, but the object of numbers that it returns is of no use. */
type Binary = ArrayBufferView | ArrayBufferLike;

/** A `Map` or a `Set`. */
interface Collection {
  readonly size: number;
  has(...given: never[]): boolean;
  forEach(...given: never[]): void;
}

type Callable = (...given: never[]) => unknown;

/** Types that JSON would drop or write as an empty object, unless a `toJSON` has replaced them. */
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

/**
 * The type of a list. It names lists as lists because the compiler follows a mapped type at once. In a type that is its
 * own element it would never end.
 */
type Elements<T extends readonly unknown[]> = T[number][] extends T
  ? T extends unknown[]
    ? Jsonify<T[number]>[]
    : readonly Jsonify<T[number]>[]
  : { [K in keyof T]: Jsonify<T[K]> };

type Fields<T> = Flat<
  { [K in keyof T as SureKey<T, K>]: Jsonify<T[K]> } & { [K in keyof T as PerhapsKey<T, K>]?: Jsonify<T[K]> }
>;

/** Makes one object type of an intersection. */
type Flat<T> = { [K in keyof T]: T[K] };

/** Members that are always present. */
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

/** Makes a type deeply readonly. */
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

/** Carries the compiler's message for a loader that may answer `undefined`. */
interface UndefinedIsNoValue {
  readonly undefinedIsNoValue: 'return null where the source has none';
}

/**
 * Refuses at compile time a loader or value whose type `V` may be `undefined`; it stands beside that type. It lets
 * `any` and `unknown` pass, since they may be any type, and the `V` of a function that is generic itself.
 *
 * The inner condition lets that `V` pass. While `V` is not known, the compiler tries it with `any`. The outer condition
 * is then false, so only its second branch counts.
 */
export type Defined<V> = undefined extends ([unknown] extends [V] ? never : V) ? UndefinedIsNoValue : unknown;

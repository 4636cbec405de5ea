import type { EntryId } from '../model/key.ts';

/** The content of {@link StoredValue.body}. Durations are milliseconds and count from `storedAt`. */
export interface Envelope {
  /** The id under which the value was stored. Readers check it, so bytes copied under another key are no answer. */
  readonly id: EntryId;
  /** Schema version of the writer (`createCache({ version })`). A reader of another version sees a miss. */
  readonly version: string;
  readonly value: unknown;
  /** Time for which the value is fresh. `Infinity` never expires. */
  readonly ttl: number;
  /** Counted from the end of `ttl`. */
  readonly staleWhileRevalidate: number;
  /** Counted from the end of `ttl`. */
  readonly staleIfError: number;
  /** Duration of the load; 0 for a value that was not loaded. */
  readonly loadMs: number;
  readonly tags: readonly TagStamp[];
}

/** A tag of an entry, with its generation before the load began: see {@link TagGeneration}. */
export type TagStamp = readonly [tag: EntryId, hard: string, soft: string];

/** Translates between envelopes and bytes. */
export interface Codec {
  /**
   * Number of the form that {@link encode} makes. Names of records contain it, so each form has a number of its own.
   */
  readonly format: number;
  /**
   * Encodes an envelope.
   * @throws {@link InvalidValueError} when the value would not come back as it is.
   */
  encode(envelope: Envelope): string | Uint8Array;
  /**
   * Decodes an envelope.
   * @throws {@link CodecError} when the bytes are not an envelope of this format.
   */
  decode(body: string | Uint8Array): Envelope;
  /**
   * Returns the form of a value that is encoded: the value itself, or the JSON that the user's codec makes of it.
   * @throws {@link InvalidValueError} when that codec throws.
   */
  written(value: unknown, key: string): unknown;
  /**
   * Returns the form of a decoded value that one caller receives: the value itself, or a copy where others receive it
   * too.
   */
  copyOf(value: unknown): unknown;
}

/**
 * Translates values that JSON cannot hold, such as dates, maps and BigInts, into JSON and back. Both directions are
 * synchronous.
 */
export interface ValueCodec {
  /**
   * Turns a value into JSON that is at most 199 levels deep. The cache calls it once for each load and each `set`,
   * never with `null`.
   */
  encode(value: unknown): unknown;
  /**
   * Turns the JSON of {@link encode} into the value again. The cache calls it once where a value is loaded or read from
   * L2.
   */
  decode(json: unknown): unknown;
}

/**
 * Compresses bodies for L2 and for the way to it. Both directions are synchronous. Packing is part of the tier: only
 * bytes that leave the process gain by it, and the core knows no compressor of the runtime.
 */
export interface Packing {
  /** Returns the body to store: the given body itself where packing would save too little. */
  pack(body: string | Uint8Array): string | Uint8Array;
  /**
   * Returns the body that was given to {@link pack}, whatever settings its writer had. A body that was not packed comes
   * back as it is. The result is never longer than `maxBytes`, whatever length the bytes claim.
   * @throws {@link CodecError} when the body is damaged, or would be longer than `maxBytes`.
   */
  unpack(body: string | Uint8Array, maxBytes: number): string | Uint8Array;
}

import type { EntryId } from '../model/key.ts';

/** What travels in {@link StoredValue.body}. Durations are milliseconds and count from `storedAt`. */
export interface Envelope {
  /** Checked on read: bytes pasted under another key are not an answer. */
  readonly id: EntryId;
  /** Schema version of the writer (`createCache({ version })`); a reader of another version sees a miss. */
  readonly version: string;
  readonly value: unknown;
  /** How long the value is fresh. `Infinity` never expires. */
  readonly ttl: number;
  /** Counted from the end of `ttl`. */
  readonly staleWhileRevalidate: number;
  /** Counted from the end of `ttl`. */
  readonly staleIfError: number;
  /** How long the load took; 0 for a value that was not loaded. */
  readonly loadMs: number;
  readonly tags: readonly TagStamp[];
}

/** A tag of an entry, and its generation before the load began: see {@link TagGeneration}. */
export type TagStamp = readonly [tag: EntryId, hard: string, soft: string];

/** Envelope ↔ bytes. */
export interface Codec {
  /** Names the form of what {@link encode} makes. It stands in the names of records, so another form is another number. */
  readonly format: number;
  /**
   * @throws {@link InvalidValueError} when the value would not come back as it is.
   */
  encode(envelope: Envelope): string | Uint8Array;
  /**
   * @throws {@link CodecError} when the bytes are not an envelope of this format.
   */
  decode(body: string | Uint8Array): Envelope;
  /**
   * The form of a value in which it is encoded: the value itself, or what the user's codec makes of it.
   * @throws {@link InvalidValueError} when that codec throws.
   */
  written(value: unknown, key: string): unknown;
  /** What a caller is given of a decoded value that others are given too: the value itself, or a copy. */
  copyOf(value: unknown): unknown;
}

/** Values ↔ JSON, for values that JSON cannot hold: dates, maps, BigInts. Both directions are synchronous. */
export interface ValueCodec {
  /** JSON of a value, at most 199 levels deep; called once for each load and each `set`. Never called with `null`. */
  encode(value: unknown): unknown;
  /** The value of what {@link encode} has made; called once where a value is loaded or read from L2. */
  decode(json: unknown): unknown;
}

/**
 * A body ↔ a body that takes less room on its way to L2 and in it. Part of the tier, since only bytes that leave the process
 * gain by it, and since the core knows no runtime's compressor. Both directions are synchronous.
 */
export interface Packing {
  /** The body as it is to be stored: as it was given, where packing it would gain too little. */
  pack(body: string | Uint8Array): string | Uint8Array;
  /**
   * The body that was given to {@link pack}, whatever settings the writer's had. One that was not packed comes back as it is.
   * Nothing longer than `maxBytes` is ever made, whatever the bytes claim to hold.
   * @throws {@link CodecError} when it is damaged, or would be longer than `maxBytes`.
   */
  unpack(body: string | Uint8Array, maxBytes: number): string | Uint8Array;
}

/** Counts of a set of texts, each of them a comment or a paragraph. */
export interface Voice {
  readonly texts: number;
  readonly words: number;
  /** Texts that begin with a question word, so that a reader must guess their subject. */
  readonly riddles: number;
  /** Words that hide the actor: nobody, somebody, whoever and their like. */
  readonly nameless: number;
}

/** Bounds on {@link riddlePercent} and {@link namelessPerThousand}. */
export interface VoiceBounds {
  readonly riddlePercent: number;
  readonly namelessPerThousand: number;
}

/** The bounds that the sources and the documents keep to. */
export const BOUNDS: VoiceBounds = { riddlePercent: 4, namelessPerThousand: 0.3 };

const RIDDLE = /^(?:what|whatever|whether|how|who|whose|whoever)\b/i;
const NAMELESS = /\b(?:nobody|somebody|whoever|no one|someone)\b/gi;

/** Measures texts. */
export function measure(texts: readonly string[]): Voice {
  let words = 0;
  let nameless = 0;
  for (const text of texts) {
    words += text.split(/\s+/).filter((word) => word !== '').length;
    nameless += text.match(NAMELESS)?.length ?? 0;
  }
  return { texts: texts.length, words, riddles: texts.filter((text) => RIDDLE.test(text)).length, nameless };
}

/** Texts that the bounds count against their author. */
export function offending(texts: readonly string[]): string[] {
  return texts.filter((text) => RIDDLE.test(text) || text.match(NAMELESS) !== null);
}

export function add(one: Voice, other: Voice): Voice {
  return {
    texts: one.texts + other.texts,
    words: one.words + other.words,
    riddles: one.riddles + other.riddles,
    nameless: one.nameless + other.nameless,
  };
}

/** Texts that begin with a question word, of a hundred. */
export const riddlePercent = ({ riddles, texts }: Voice): number => (100 * riddles) / Math.max(texts, 1);

/** Words that hide the actor, of a thousand. */
export const namelessPerThousand = ({ nameless, words }: Voice): number => (1_000 * nameless) / Math.max(words, 1);

export function isWithin(voice: Voice, bounds: VoiceBounds): boolean {
  return riddlePercent(voice) <= bounds.riddlePercent && namelessPerThousand(voice) <= bounds.namelessPerThousand;
}

/**
 * Tokens as text while they come: a character whose bytes are spread over tokens is held back until it is whole.
 *
 * @module
 */

/** What a text stream decodes with. */
export type DecodeTokens = (ids: readonly number[]) => string;

/** Text of tokens that are given one by one. */
export interface TextStream {
  /** The text that became final with this token; often '' for a part of a character. */
  push(id: number): string;
  /** What is left, whole or not. */
  end(): string;
}

/** U+FFFD, which decoders write for bytes that are no character yet. */
const REPLACEMENT = '\uFFFD';

/** Tokens decoded again at each step, so that it costs the same in a long text. */
const WINDOW = 16;

/**
 * Decodes from a few tokens back, because what a token reads as can depend on those before it (spaces, joined bytes).
 */
export function createTextStream(decode: DecodeTokens): TextStream {
  let window: number[] = [];
  let printed = '';
  const take = (text: string): string => {
    const fresh = text.slice(printed.length);
    printed = text;
    return fresh;
  };
  return {
    push(id) {
      window.push(id);
      const text = decode(window);
      if (text.endsWith(REPLACEMENT)) return '';
      const fresh = take(text);
      if (window.length > WINDOW) {
        window = window.slice(-1);
        printed = decode(window);
      }
      return fresh;
    },
    end: () => take(decode(window)),
  };
}

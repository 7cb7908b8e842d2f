/**
 * What acts on a terminal or on the order of letters in the place of being shown: control characters (C0, DEL, C1),
 * line and paragraph separators, marks that turn the direction of writing, other invisible format characters, halves of
 * pairs.
 */
const ACTING = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]|(?!\u200c|\u200d|\u00ad)\p{Cf}/gu;

/** Unit by unit, as JSON writes them too. */
const escaped = (character: string): string =>
  Array.from({ length: character.length }, (_, i) => {
    return `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`;
  }).join('');

/**
 * Text of files, states and arguments as one line that a terminal only shows: what would act on it stands as \uXXXX.
 */
export const printable = (text: string): string => text.replace(ACTING, escaped);

/** What the report and the page say, in English and Chinese: English in place, its translation in chinese.ts. */
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { CHINESE } from './chinese.ts';
import { english, type Translate } from './format.ts';
import type { Language } from './types.ts';

export type { Translate } from './format.ts';

/** The translator of a language. What has no translation stays English. */
export function translator(language: Language): Translate {
  if (language === 'en') return english;
  return (text, values) => english(CHINESE[text] ?? text, values);
}

const English = createContext<Translate>(translator('en'));

/** Gives all components within it their language. */
export const Speaks = English.Provider;

export const useText = (): Translate => useContext(English);

/** What the report and the page say, in English and Chinese: English in place, its translation in chinese.ts. */
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { CHINESE } from './chinese.ts';
import type { Language } from './types.ts';

/** A text in the reader's language; `{name}` stands for a value. */
export type Translate = (english: string, values?: Readonly<Record<string, string | number>>) => string;

/** The translator of a language. What has no translation stays English. */
export function translator(language: Language): Translate {
  return (english, values = {}) => {
    const text = language === 'zh' ? (CHINESE[english] ?? english) : english;
    return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
  };
}

const English = createContext<Translate>(translator('en'));

/** Gives all components within it their language. */
export const Speaks = English.Provider;

export const useText = (): Translate => useContext(English);

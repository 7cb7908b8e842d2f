/** A small real data set that the page carries: the weather of Seattle, predicted from four years of measurements. */
import { files } from './generated/sample.ts';

/** The files as if they had been picked. */
export const sampleFiles = (): File[] =>
  Object.entries(files).map(([name, base64]) => {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return new File([bytes], name);
  });

/**
 * Files as sources. WebKit lets no worker read the files of a page that was opened from the disk, so the page then
 * reads for it, a piece at a time.
 */
import { FileError } from '../files/errors.ts';
import { checkEnd, fromBlob, type Source } from '../files/source.ts';
import type { Answer } from './protocol.ts';

export class Reader {
  readonly #ask: (message: Answer) => void;
  readonly #waiting = new Map<number, (bytes: ArrayBuffer | null) => void>();
  #asked = 0;

  constructor(ask: (message: Answer) => void) {
    this.#ask = ask;
  }

  sourcesOf(files: readonly File[]): Promise<Source[]> {
    return Promise.all(files.map((file, i) => this.#sourceOf(file, i)));
  }

  async #sourceOf(file: File, index: number): Promise<Source> {
    const direct = fromBlob(file);
    try {
      await file.slice(0, 1).arrayBuffer();
      return direct;
    } catch {
      const read = (offset: number, length: number, signal?: AbortSignal) =>
        this.#throughPage(file, index, offset, length, signal);
      return { ...direct, read };
    }
  }

  async #throughPage(
    { name, size }: File,
    file: number,
    offset: number,
    length: number,
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    signal?.throwIfAborted();
    checkEnd(name, size, offset, length);
    const id = this.#asked++;
    const bytes = await new Promise<ArrayBuffer | null>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#ask({ type: 'read', id, file, offset, length });
    });
    signal?.throwIfAborted();
    if (!bytes) throw new FileError(name, 'could not be read; was it changed or moved since it was picked?');
    return new Uint8Array(bytes);
  }

  /** What the page read. */
  take(id: number, bytes: ArrayBuffer | null): void {
    this.#waiting.get(id)?.(bytes);
    this.#waiting.delete(id);
  }
}

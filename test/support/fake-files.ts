/** Files that come when a test says so, without a network or a disk. */
import type { FileStore, Staged, StagedFile, WantedFile } from '../../daemon/outbox/ports.ts';

export class FakeFiles implements FileStore {
  /** What was asked for, in order. */
  asked: WantedFile[] = [];
  /** Answers by address, in order; then the file of that name. A function may be awaited by the test. */
  next = new Map<string, (() => Promise<Staged> | Staged)[]>();
  /** Folders that are there. */
  here = new Set<string>();
  swept: string[][] = [];
  released: string[] = [];
  #count = 0;

  async stage(wanted: WantedFile, signal: AbortSignal): Promise<Staged> {
    this.asked.push(wanted);
    const stopped = new Promise<Staged>((done) =>
      signal.addEventListener('abort', () => done({ ok: false, again: true, words: 'stopped' }), { once: true }),
    );
    const staged = await Promise.race([this.next.get(wanted.url)?.shift()?.() ?? this.file(wanted.url), stopped]);
    if (staged.ok) this.here.add(staged.folder);
    return staged;
  }

  file(url: string, more: Partial<StagedFile> = {}): { ok: true } & StagedFile {
    const name = url.slice(url.lastIndexOf('/') + 1);
    this.#count += 1;
    return { ok: true, folder: `f${this.#count}`, name, bytes: 10, sha256: `sha-${name}`, vcard: false, ...more };
  }

  has({ folder }: StagedFile): boolean {
    return this.here.has(folder);
  }

  pathOf({ folder, name }: StagedFile): string {
    return `/files/${folder}/${name}`;
  }

  stemOf(name: string): string {
    return name.replace(/\.[a-z]+$/i, '').toLowerCase();
  }

  async release(folder: string): Promise<void> {
    this.released.push(folder);
    this.here.delete(folder);
  }

  sweep(needed: { folder: string }[]): void {
    this.swept.push(needed.map(({ folder }) => folder));
  }
}

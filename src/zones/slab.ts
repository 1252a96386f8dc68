/** The memory of a zone, counted as nginx's slab allocator would use it: so that a size means here what it means there. */

const PAGE = 4096;
/** Bytes of the smallest piece. */
const MIN_SHIFT = 3;
const PAGE_SHIFT = 12;
/** `ngx_slab_pool_t` on 64-bit systems. */
const POOL = 200;
/** `ngx_slab_page_t` and `ngx_slab_stat_t`: one of each for every size of pieces, and the former also for every page. */
const PAGE_ENTRY = 24;
const STATISTICS = 32;

/**
 * Pages are divided into pieces of one size each, powers of two; larger things take whole pages. It is assumed that pieces
 * lie packed: nginx's pages may stay half empty for a while, so that it is a little earlier at its end.
 */
export class Slab {
  private freePages: number;
  /** Pieces in use, by shift. */
  private readonly used: number[] = new Array<number>(PAGE_SHIFT).fill(0);

  /** `size` in bytes, 8 pages at least. */
  constructor(size: number) {
    const sizes = PAGE_SHIFT - MIN_SHIFT;
    const header = POOL + sizes * (PAGE_ENTRY + STATISTICS);
    const pages = Math.floor((size - header) / (PAGE + PAGE_ENTRY));
    // The pages begin at a multiple of their size.
    const start = Math.ceil((header + pages * PAGE_ENTRY) / PAGE) * PAGE;
    this.freePages = Math.min(pages, Math.floor((size - start) / PAGE));
  }

  /** Takes room for so many bytes; false where there is none. */
  take(bytes: number): boolean {
    const shift = shiftOf(bytes);
    const used = this.used[shift];
    let pages = 0;
    if (used === undefined) pages = Math.ceil(bytes / PAGE);
    else if (used % piecesPerPage(shift) === 0) pages = 1;
    if (pages > this.freePages) return false;
    this.freePages -= pages;
    if (used !== undefined) this.used[shift] = used + 1;
    return true;
  }

  /** Gives back what `take` took. */
  give(bytes: number): void {
    const shift = shiftOf(bytes);
    const used = this.used[shift];
    if (used === undefined) this.freePages += Math.ceil(bytes / PAGE);
    else {
      this.used[shift] = used - 1;
      if ((used - 1) % piecesPerPage(shift) === 0) this.freePages++;
    }
  }
}

/** The power of two of the piece that so many bytes need; from `PAGE_SHIFT` on they need whole pages. */
function shiftOf(bytes: number): number {
  return Math.max(MIN_SHIFT, Math.ceil(Math.log2(bytes)));
}

/** The smallest pieces share their page with a bitmap of which are in use. */
function piecesPerPage(shift: number): number {
  const pieces = PAGE >> shift;
  const bitmap = pieces > 64 ? Math.ceil(pieces / 8 / (1 << shift)) : 0;
  return pieces - bitmap;
}

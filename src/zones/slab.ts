/** Memory accounting of a zone, as nginx's slab allocator would use it: a size has the same meaning as in nginx. */

const PAGE = 4096;
/** Shift of the smallest chunk. */
const MIN_SHIFT = 3;
const PAGE_SHIFT = 12;
/** `ngx_slab_pool_t` on 64-bit systems. */
const POOL = 200;
/** `ngx_slab_page_t` and `ngx_slab_stat_t`: one of each per chunk size, and the former also per page. */
const PAGE_ENTRY = 24;
const STATISTICS = 32;

/** Use of a zone's memory; `slots` by size of the chunks in bytes. Plain data. */
export interface SlabUsage {
  readonly pages: { readonly used: number; readonly free: number };
  readonly slots: Record<number, { readonly used: number; readonly free: number }>;
}

/**
 * Pages are divided into chunks of one size each, a power of two; larger objects take whole pages. Chunks are assumed to be
 * packed: nginx's pages may stay half empty for a while, so that it runs out of memory slightly earlier.
 */
export class Slab {
  private freePages: number;
  /** Pages at the beginning. */
  private readonly pages: number;
  /** Chunks in use, by shift. */
  private readonly used: number[] = new Array<number>(PAGE_SHIFT).fill(0);

  /** `size` in bytes, at least 8 pages. */
  constructor(size: number) {
    const sizes = PAGE_SHIFT - MIN_SHIFT;
    const header = POOL + sizes * (PAGE_ENTRY + STATISTICS);
    const pages = Math.floor((size - header) / (PAGE + PAGE_ENTRY));
    // The pages begin at a multiple of their size.
    const start = Math.ceil((header + pages * PAGE_ENTRY) / PAGE) * PAGE;
    this.freePages = Math.min(pages, Math.floor((size - start) / PAGE));
    this.pages = this.freePages;
  }

  /** Pages and chunks in use. */
  usage(): SlabUsage {
    const slots: SlabUsage['slots'] = {};
    for (let shift = MIN_SHIFT; shift < PAGE_SHIFT; shift++) {
      const used = this.used[shift] ?? 0;
      const pieces = piecesPerPage(shift);
      slots[1 << shift] = { used, free: Math.ceil(used / pieces) * pieces - used };
    }
    return { pages: { used: this.pages - this.freePages, free: this.freePages }, slots };
  }

  /** Allocates bytes; false if there is no room. */
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

  /** Frees what `take` allocated. */
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

/** Shift of the chunk for so many bytes; from `PAGE_SHIFT` on whole pages are needed. */
function shiftOf(bytes: number): number {
  return Math.max(MIN_SHIFT, Math.ceil(Math.log2(bytes)));
}

/** The smallest chunks share their page with an allocation bitmap. */
function piecesPerPage(shift: number): number {
  const pieces = PAGE >> shift;
  const bitmap = pieces > 64 ? Math.ceil(pieces / 8 / (1 << shift)) : 0;
  return pieces - bitmap;
}

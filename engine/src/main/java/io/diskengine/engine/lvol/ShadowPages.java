package io.diskengine.engine.lvol;

import static io.diskengine.nvme.NativeMemory.getInt;
import static io.diskengine.nvme.NativeMemory.getUnsignedInt;
import static io.diskengine.nvme.NativeMemory.putInt;

import io.diskengine.engine.bdev.Done;
import io.diskengine.engine.lvol.CommitQueue.PageWrite;
import io.diskengine.nvme.Crc32c;
import io.diskengine.nvme.NativeMemory;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Copies of metadata pages that are about to be overwritten, in the last metadata pages, so that a
 * page torn by a crash is made whole. SPDK's format does not know them: to SPDK they are free pages
 * (intact, first of a chain, but not where their id says), and a store that is clean has none.
 *
 * <p>A shadow is the new page with two fields that SPDK leaves alone: a generation above 0 at 12,
 * where pages have zero, and in an extent page, whose chain never goes on, its target in {@code
 * next}. A root's target is in its id. A shadow without any descriptor stands for a zeroed root.
 *
 * <p>The slots are a ring, so those on the medium are always the newest: a page's newest shadow
 * says what the page was last overwritten with, or nothing is known about it.
 */
final class ShadowPages {
  private static final int MAX_SLOTS = 64;
  private static final int PAGES_PER_SLOT = 16;
  private static final int GENERATION = 12;
  private static final int GENERATION_MASK = 0x7fff_ffff;

  /** Overwritten pages per batch where there are no slots. */
  private static final int UNSHADOWED_BATCH = 64;

  private final SuperBlock layout;
  private final StoreDevice device;
  private final Crc32c crc;
  private int slots;
  private int nextSlot;
  private int generation;

  ShadowPages(SuperBlock layout, StoreDevice device, Crc32c crc) {
    this.layout = layout;
    this.device = device;
    this.crc = crc;
  }

  /** How many of the last metadata pages are slots in a store of this layout. */
  static int slots(SuperBlock layout) {
    return Math.min(MAX_SLOTS, layout.metadataPages() / PAGES_PER_SLOT);
  }

  /** The slots are all free: from now on overwritten pages have shadows. */
  void enable() {
    slots = slots(layout);
  }

  int enabledSlots() {
    return slots;
  }

  /** How many pages one batch may overwrite. */
  int batchLimit() {
    return slots == 0 ? UNSHADOWED_BATCH : slots;
  }

  /** The shadows to write before these pages are overwritten. */
  List<PageWrite> of(List<PageWrite> overwritten) {
    List<PageWrite> shadows = new ArrayList<>();
    if (slots == 0) {
      return shadows;
    }
    generation = generation + 1 & GENERATION_MASK;
    for (PageWrite write : overwritten) {
      long shadow = device.takePage();
      NativeMemory.copy(write.buffer(), shadow, MetadataPage.SIZE);
      if (NativeMemory.isZero(shadow, MetadataPage.SIZE)) {
        MetadataPage.init(shadow, SuperBlock.FIRST_BLOB_ID + write.page(), 0);
      } else if (isExtentPage(shadow)) {
        MetadataPage.next(shadow, write.page());
      }
      putInt(shadow + GENERATION, generation);
      MetadataPage.seal(shadow, crc);
      shadows.add(new PageWrite(layout.metadataPages() - slots + nextSlot, shadow));
      nextSlot = (nextSlot + 1) % slots;
    }
    return shadows;
  }

  private static boolean isExtentPage(long page) {
    return MetadataPage.type(page + MetadataPage.DESCRIPTORS) == MetadataPage.EXTENT_PAGE;
  }

  /**
   * Before a super block is overwritten with one of another size: the new one goes to a slot, for
   * {@link #findSuperBlock}. Reaches the medium with the next flush.
   */
  void saveSuperBlock(SuperBlock superBlock, Done done) {
    if (slots == 0) {
      done.done(0);
      return;
    }
    long page = device.takePage();
    superBlock.write(page, crc);
    int slot = layout.metadataPages() - slots + nextSlot;
    nextSlot = (nextSlot + 1) % slots;
    device.write(
        page,
        layout.pageOffset(slot),
        MetadataPage.SIZE,
        errno -> {
          device.givePage(page);
          done.done(errno);
        });
  }

  /** Replaces the damaged super block at {@code at} by the one in a slot, where there is one. */
  static void findSuperBlock(StoreDevice device, long at, Crc32c crc, Done done) {
    SuperBlock.Area metadata = SuperBlock.metadataHint(at, device.bdev().sizeBytes());
    if (metadata == null) {
      done.done(0);
      return;
    }
    int slots = (int) Math.min(MAX_SLOTS, metadata.pages() / PAGES_PER_SLOT);
    long first = metadata.start() + metadata.pages() - slots;
    int pageBytes = SuperBlock.pageHint(at);
    StoreDevice.forEach(
        slots,
        (i, each) -> {
          long page = device.takePage();
          device.read(
              page,
              (first + i) * pageBytes,
              MetadataPage.SIZE,
              errno -> {
                if (errno == 0 && SuperBlock.mayReplace(at, page, crc)) {
                  NativeMemory.copy(page, at, SuperBlock.SIZE);
                }
                device.givePage(page);
                each.done(0);
              });
        },
        done);
  }

  /** Zeros in all slots. */
  void clear(Done done) {
    if (slots == 0) {
      done.done(0);
    } else {
      device.writeZeroes(
          layout.pageOffset(layout.metadataPages() - slots),
          (long) slots * layout.pageBytes(),
          done);
    }
  }

  /** What a crashed store's shadows say, by the page they are of. */
  static final class Found {
    private final Map<Integer, Integer> generations = new HashMap<>();
    private final Map<Integer, Long> pages = new HashMap<>();

    /** Looks at the content of one slot. */
    void look(long slot, StoreDevice device, Crc32c crc) {
      int generation = getInt(slot + GENERATION);
      if (generation <= 0 || MetadataPage.sequence(slot) != 0 || !MetadataPage.intact(slot, crc)) {
        return;
      }
      boolean extents = isExtentPage(slot);
      int target = extents ? MetadataPage.next(slot) : (int) getUnsignedInt(slot);
      Integer known = generations.get(target);
      if (known != null && known >= generation) {
        return;
      }
      long page = device.takePage();
      NativeMemory.copy(slot, page, MetadataPage.SIZE);
      putInt(page + GENERATION, 0);
      if (extents) {
        MetadataPage.next(page, MetadataPage.END_OF_CHAIN);
      }
      MetadataPage.seal(page, crc);
      if (MetadataPage.type(page + MetadataPage.DESCRIPTORS) == MetadataPage.PADDING) {
        NativeMemory.zero(page, MetadataPage.SIZE);
      }
      generations.put(target, generation);
      pages.put(target, page);
    }

    /** The page as it was meant to be, or null. */
    @Nullable Long of(int page) {
      return pages.get(page);
    }
  }
}

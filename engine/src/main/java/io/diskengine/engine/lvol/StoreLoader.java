package io.diskengine.engine.lvol;

import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.Done;
import io.diskengine.engine.lvol.CommitQueue.PageWrite;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.nvme.Crc32c;
import io.diskengine.nvme.NativeMemory;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Opens a blobstore. A clean one has masks that name its blobs. One that was in use when its
 * process ended is scanned: every metadata page is read, many at a time, and the masks follow from
 * what the blobs found refer to.
 *
 * <p>Both ways every blob is read whole, chain and extent pages, with many blobs under way.
 */
final class StoreLoader {
  private static final int SCAN_BYTES = 256 << 10;
  private static final int SCANS = 16;

  private final StoreDevice device;
  private final Crc32c crc;
  private final SuperBlock layout;
  private final boolean recovers;
  private final ShadowPages.Found shadows = new ShadowPages.Found();
  private final List<PageWrite> repairs = new ArrayList<>();
  private final BitSet roots = new BitSet();
  private final Map<Long, Blob> blobs = new HashMap<>();
  private final long startedAtNs = Reactor.current().nowNs();
  private BitSet usedPages = new BitSet();
  private BitSet usedClusters = new BitSet();
  private String problem = "cannot be read";

  /** The store, or why there is none. */
  interface Loaded {
    /**
     * @param recovered the store was in use when its process ended, and was scanned
     */
    void loaded(Blobstore store, boolean recovered, long tookNs);

    void refused(int errno, String problem);
  }

  private StoreLoader(StoreDevice device, SuperBlock layout, Crc32c crc) {
    this.device = device;
    this.layout = layout;
    this.crc = crc;
    this.recovers = !layout.clean() || layout.blobIdMask().pages() == 0;
  }

  /** Reads the super block and then the store. */
  static void load(StoreDevice device, Loaded loaded) {
    Crc32c crc = new Crc32c();
    long buffer = device.takePage();
    device.read(
        buffer,
        0,
        SuperBlock.SIZE,
        errno -> {
          if (errno != 0) {
            loaded.refused(errno, "the super block cannot be read");
          } else if (!SuperBlock.isPresent(buffer) || SuperBlock.isSound(buffer, crc)) {
            open(device, buffer, crc, loaded);
          } else {
            ShadowPages.findSuperBlock(
                device, buffer, crc, ignored -> open(device, buffer, crc, loaded));
          }
        });
  }

  private static void open(StoreDevice device, long buffer, Crc32c crc, Loaded loaded) {
    try {
      SuperBlock layout = SuperBlock.read(buffer, device.bdev().sizeBytes(), crc);
      if (layout.ioUnitBytes() % device.bdev().blockSizeBytes() != 0
          || device.bdev().blockSizeBytes() > MetadataPage.SIZE) {
        throw new BdevException(
            SuperBlock.EILSEQ,
            "the lvol store has I/O units of "
                + layout.ioUnitBytes()
                + " bytes on blocks of "
                + device.bdev().blockSizeBytes());
      }
      new StoreLoader(device, layout, crc).load(loaded);
    } catch (BdevException refused) {
      loaded.refused(refused.errno(), String.valueOf(refused.getMessage()));
    } finally {
      device.givePage(buffer);
    }
  }

  private void load(Loaded loaded) {
    Chain.of(recovers ? this::readShadows : this::readMasks)
        .then(next -> {
          if (recovers) {
            scan(next);
          } else {
            next.done(0);
          }
        })
        .then(this::readBlobs)
        .then(this::repair)
        .run(errno -> {
          if (errno == 0) {
            finish(loaded);
          } else {
            loaded.refused(errno, problem);
          }
        });
  }

  private void finish(Loaded loaded) {
    StoreRecovery recovery = new StoreRecovery(layout, blobs);
    try {
      recovery.resolve();
      if (!recovers && !recovery.needed()) {
        checkMasks(recovery);
      }
    } catch (BdevException bad) {
      loaded.refused(bad.errno(), String.valueOf(bad.getMessage()));
      return;
    }
    if (recovers || recovery.needed()) {
      usedPages = recovery.usedPages();
      usedClusters = recovery.usedClusters();
    }
    Blobstore store = new Blobstore(device, layout, usedPages, usedClusters, crc);
    recovery.blobs().forEach(store::adopt);
    recovery.write(
        store,
        errno ->
            store.whenIdle(() -> {
              if (errno == 0) {
                loaded.loaded(store, recovers, Reactor.current().nowNs() - startedAtNs);
              } else {
                loaded.refused(errno, "a snapshot that was cut short could not be mended");
              }
            }));
  }

  private void checkMasks(StoreRecovery recovery) throws BdevException {
    BitSet missing = recovery.usedClusters();
    missing.andNot(usedClusters);
    if (!missing.isEmpty()) {
      throw new BdevException(
          SuperBlock.EILSEQ,
          "the lvol store has cluster " + missing.nextSetBit(0) + " in use but not in its mask");
    }
    missing = recovery.usedPages();
    missing.andNot(usedPages);
    if (!missing.isEmpty()) {
      throw new BdevException(
          SuperBlock.EILSEQ,
          "the lvol store has metadata page "
              + missing.nextSetBit(0)
              + " in use but not in its mask");
    }
  }

  // ---- clean: masks

  private void readMasks(Done done) {
    Chain.of(next -> readMask(0, layout.pageMask(), layout.metadataPages(), usedPages, next))
        .then(next -> readMask(1, layout.clusterMask(), layout.totalClusters(), usedClusters, next))
        .then(next -> readMask(2, layout.blobIdMask(), layout.metadataPages(), roots, next))
        .run(done);
  }

  private void readMask(int type, SuperBlock.Area area, int bits, BitSet into, Done done) {
    long bytes = area.pages() * layout.pageBytes();
    long buffer = device.allocate(bytes);
    device.read(
        buffer,
        area.start() * layout.pageBytes(),
        bytes,
        errno -> {
          if (errno != 0) {
            done.done(errno);
          } else if (NativeMemory.getUnsignedByte(buffer) != type
              || NativeMemory.getInt(buffer + 1) != bits) {
            done.done(
                wrong("the lvol store has a mask of type " + type + " that is not for " + bits));
          } else {
            into.or(BitSet.valueOf(NativeMemory.bytes(buffer + 5, (bits + 7) / 8)));
            done.done(into.length() > bits ? wrong("a mask has more than " + bits + " bits") : 0);
          }
        });
  }

  private int wrong(String what) {
    problem = what;
    return SuperBlock.EILSEQ;
  }

  // ---- in use: scan

  private void readShadows(Done done) {
    int slots = ShadowPages.slots(layout);
    int first = layout.metadataPages() - slots;
    StoreDevice.forEach(
        slots,
        (i, each) -> {
          long buffer = device.takePage();
          device.read(
              buffer,
              layout.pageOffset(first + i),
              MetadataPage.SIZE,
              errno -> {
                if (errno == 0) {
                  shadows.look(buffer, device, crc);
                }
                device.givePage(buffer);
                each.done(errno);
              });
        },
        done);
  }

  /** Finds the first page of every blob. */
  private void scan(Done done) {
    int pagesPerRead = Math.max(1, SCAN_BYTES / layout.pageBytes());
    int reads = (layout.metadataPages() + pagesPerRead - 1) / pagesPerRead;
    List<Long> buffers = new ArrayList<>();
    for (int i = 0; i < Math.min(SCANS, reads); i++) {
      buffers.add(device.allocate((long) pagesPerRead * layout.pageBytes()));
    }
    int stripes = buffers.size();
    StoreDevice.forEach(
        stripes, (i, each) -> scan(buffers.get(i), i, stripes, pagesPerRead, each), done);
  }

  /** Every {@code stripes}th read from {@code read} on. */
  private void scan(long buffer, int read, int stripes, int pagesPerRead, Done done) {
    int first = read * pagesPerRead;
    int count = Math.min(pagesPerRead, layout.metadataPages() - first);
    if (count <= 0) {
      done.done(0);
      return;
    }
    device.read(
        buffer,
        layout.pageOffset(first),
        (long) count * layout.pageBytes(),
        errno -> {
          if (errno != 0) {
            done.done(errno);
            return;
          }
          for (int i = 0; i < count; i++) {
            look(first + i, buffer + (long) i * layout.pageBytes());
          }
          scan(buffer, read + stripes, stripes, pagesPerRead, done);
        });
  }

  private void look(int number, long page) {
    if (MetadataPage.isRoot(page, number, crc)) {
      roots.set(number);
    } else if (!NativeMemory.isZero(page, MetadataPage.SIZE)) {
      Long shadow = shadows.of(number);
      if (shadow == null || MetadataPage.intact(page, crc)) {
        return;
      }
      if (MetadataPage.isRoot(shadow, number, crc)) {
        roots.set(number);
      } else if (NativeMemory.isZero(shadow, MetadataPage.SIZE)) {
        // A removal: without its shadow the page would look like a blob that was damaged.
        repairs.add(new PageWrite(number, shadow));
      }
    }
  }

  // ---- blobs

  private void readBlobs(Done done) {
    int[] pages = roots.stream().toArray();
    StoreDevice.forEach(
        pages.length,
        (i, each) -> {
          BlobCodec.Decoder decoder = new BlobCodec.Decoder(pages[i], layout);
          readChain(decoder, pages[i], each);
        },
        done);
  }

  private void readChain(BlobCodec.Decoder decoder, int number, Done done) {
    long buffer = device.takePage();
    readPage(
        number,
        buffer,
        errno -> {
          int next;
          try {
            if (errno != 0) {
              done.done(errno);
              return;
            }
            next = decoder.page(number, buffer);
            if (next == MetadataPage.END_OF_CHAIN) {
              chainRead(decoder.blob(), done);
              return;
            }
          } catch (BdevException bad) {
            problem = String.valueOf(bad.getMessage());
            done.done(bad.errno());
            return;
          } finally {
            device.givePage(buffer);
          }
          readChain(decoder, next, done);
        });
  }

  private void chainRead(Blob blob, Done done) {
    blobs.put(blob.id, blob);
    StoreDevice.forEach(
        blob.extentPages.length, (row, each) -> readExtentPage(blob, row, each), done);
  }

  private void readExtentPage(Blob blob, int row, Done done) {
    int number = blob.extentPages[row];
    if (number == 0) {
      done.done(0);
      return;
    }
    long buffer = device.takePage();
    readPage(
        number,
        buffer,
        errno -> {
          try {
            if (errno == 0) {
              BlobCodec.decodeExtentPage(blob, row, buffer, layout.totalClusters());
            }
            done.done(errno);
          } catch (BdevException bad) {
            problem = String.valueOf(bad.getMessage());
            done.done(bad.errno());
          } finally {
            device.givePage(buffer);
          }
        });
  }

  /** An intact page; one torn by a crash comes from its shadow and is remembered for repair. */
  private void readPage(int number, long buffer, Done done) {
    device.read(
        buffer,
        layout.pageOffset(number),
        MetadataPage.SIZE,
        errno -> {
          if (errno != 0 || MetadataPage.intact(buffer, crc)) {
            done.done(errno);
            return;
          }
          Long shadow = shadows.of(number);
          if (shadow == null || !MetadataPage.intact(shadow, crc)) {
            done.done(wrong("the lvol store has a wrong checksum in metadata page " + number));
            return;
          }
          NativeMemory.copy(shadow, buffer, MetadataPage.SIZE);
          repairs.add(new PageWrite(number, shadow));
          done.done(0);
        });
  }

  private void repair(Done done) {
    StoreDevice.forEach(
        repairs.size(),
        (i, each) ->
            device.writeDurably(
                repairs.get(i).buffer(),
                layout.pageOffset(repairs.get(i).page()),
                MetadataPage.SIZE,
                each),
        done);
  }
}

package io.diskengine.testkit.spdk;

import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/** What outlives processes: the disks of all machines, by path. */
public final class FakeMedia {
  private final Map<String, Disk> disks = new TreeMap<>();
  private ToLongFunction<String> sizes = _ -> -1;

  /** Disks that appear by themselves: the bytes of what is at a path, or less than 1. */
  void resolve(ToLongFunction<String> byPath) {
    sizes = byPath;
  }

  /** The disk at a path; null when there is none. */
  public @Nullable Disk disk(String path) {
    Disk disk = disks.get(path);
    if (disk == null) {
      long bytes = sizes.applyAsLong(path);
      disk = bytes > 0 ? put(path, bytes) : null;
    }
    return disk == null || disk.gone ? null : disk;
  }

  public Disk put(String path, long sizeBytes) {
    return disks.computeIfAbsent(path, p -> new Disk(p, sizeBytes));
  }

  /** All that were ever there, by path. */
  public Map<String, Disk> all() {
    return disks;
  }

  /** One disk. */
  public static final class Disk {
    final String path;
    final long sizeBytes;

    /** Blocks outside an lvstore. */
    final Map<Long, @Nullable Object> raw = new TreeMap<>();

    @Nullable Store store;
    boolean gone;

    /** Writes to blocks that were never written fail, as in an lvstore without free clusters. */
    boolean full;

    Disk(String path, long sizeBytes) {
      this.path = path;
      this.sizeBytes = sizeBytes;
    }

    public long sizeBytes() {
      return sizeBytes;
    }

    public boolean isEmpty() {
      return store == null && raw.isEmpty();
    }

    public void setGone(boolean isGone) {
      gone = isGone;
    }

    public void setFull(boolean isFull) {
      full = isFull;
    }

    public Map<String, Blob> blobs() {
      return store == null ? Map.of() : store.blobs;
    }

    /** Makes an empty lvstore, as an earlier process may have done. */
    public void format(String name, UUID uuid, long clusterBytes) {
      // The first clusters hold the metadata.
      store = new Store(name, uuid, clusterBytes, sizeBytes / clusterBytes - 1);
    }

    /** Puts an lvol on the disk that no RPC made. */
    public void plant(String name, UUID uuid, long sizeBytes) {
      if (store == null) {
        throw new IllegalStateException(path + " has no lvstore");
      }
      store.blobs.put(name, new Blob(name, uuid, sizeBytes, true));
    }
  }

  /** An lvstore. */
  static final class Store {
    final String name;
    final UUID uuid;
    final long clusterBytes;
    final long clusters;
    final Map<String, Blob> blobs = new TreeMap<>();

    Store(String name, UUID uuid, long clusterBytes, long clusters) {
      this.name = name;
      this.uuid = uuid;
      this.clusterBytes = clusterBytes;
      this.clusters = clusters;
    }

    long freeClusters() {
      long used = 0;
      for (Blob b : blobs.values()) {
        used += b.thin ? 0 : b.sizeBytes / clusterBytes;
      }
      return Math.max(0, clusters - used);
    }
  }

  /** An lvol's content. */
  public static final class Blob {
    public final String name;
    public final UUID uuid;
    public long sizeBytes;
    final boolean thin;
    boolean snapshot;
    public final Map<Long, @Nullable Object> data = new TreeMap<>();

    Blob(String name, UUID uuid, long sizeBytes, boolean thin) {
      this.name = name;
      this.uuid = uuid;
      this.sizeBytes = sizeBytes;
      this.thin = thin;
    }
  }
}

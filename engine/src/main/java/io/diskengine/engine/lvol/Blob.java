package io.diskengine.engine.lvol;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A blob in memory: flags, xattrs and cluster map (SPDK lib/blob, struct spdk_blob). Home reactor,
 * except what reads the cluster map.
 */
final class Blob {
  // invalid_flags: a blob with a bit not known here must not be opened.
  static final long THIN = 1;
  static final long HAS_INTERNAL_XATTRS = 2;
  static final long EXTENT_TABLE = 4;
  static final long EXTERNAL_SNAPSHOT = 8;
  static final long KNOWN_INVALID_FLAGS =
      THIN | HAS_INTERNAL_XATTRS | EXTENT_TABLE | EXTERNAL_SNAPSHOT;

  // data_ro_flags
  static final long READ_ONLY = 1;

  /** md_ro_flags hold the clear method. */
  static final long CLEAR_METHOD = 3;

  /** Internal xattr: u64 id of the parent snapshot. */
  static final String PARENT = "SNAP";

  static final String SNAPSHOT_IN_CREATION = "SNAPTMP";
  static final String SNAPSHOT_IN_REMOVAL = "SNAPRM";

  final long id;
  long invalidFlags;
  long dataRoFlags;
  long mdRoFlags;

  /** In the order of the medium. */
  final Map<String, byte[]> xattrs = new LinkedHashMap<>();

  final Map<String, byte[]> internalXattrs = new LinkedHashMap<>();

  /** The metadata pages of the chain on the medium; the first never changes. */
  int[] chain;

  ClusterMap clusters;

  /** The metadata page of each row's extent page, 0 for none; empty for a blob with RLE extents. */
  int[] extentPages;

  int allocatedClusters;

  /** Where unallocated clusters are read from. Set before the blob is used, then read anywhere. */
  @Nullable Blob parent;

  final List<Blob> clones = new ArrayList<>();

  Blob(int rootPage, int numClusters) {
    id = SuperBlock.FIRST_BLOB_ID + rootPage;
    chain = new int[] {rootPage};
    clusters = new ClusterMap(numClusters);
    extentPages = new int[clusters.rows()];
  }

  int rootPage() {
    return chain[0];
  }

  boolean thin() {
    return (invalidFlags & THIN) != 0;
  }

  boolean usesExtentTable() {
    return (invalidFlags & EXTENT_TABLE) != 0;
  }

  boolean readOnly() {
    return dataRoFlags != 0;
  }

  ClearMethod clearMethod() {
    return ClearMethod.of((int) (mdRoFlags & CLEAR_METHOD));
  }

  /** The parent's id, or {@link SuperBlock#NO_BLOB}. */
  long parentId() {
    byte[] id = internalXattrs.get(PARENT);
    return id == null || id.length != Long.BYTES
        ? SuperBlock.NO_BLOB
        : ByteBuffer.wrap(id).order(ByteOrder.LITTLE_ENDIAN).getLong();
  }

  /** An xattr's value up to its first NUL, or null. */
  @Nullable String text(String xattr) {
    byte[] value = xattrs.get(xattr);
    if (value == null) {
      return null;
    }
    int length = 0;
    while (length < value.length && value[length] != 0) {
      length++;
    }
    return new String(value, 0, length, StandardCharsets.UTF_8);
  }

  /** Stores the text in {@code bytes} bytes, padded with zeros. */
  void text(String xattr, String text, int bytes) {
    xattrs.put(xattr, Arrays.copyOf(text.getBytes(StandardCharsets.UTF_8), bytes));
  }

  /** Stores the text with a NUL. */
  void text(String xattr, String text) {
    text(xattr, text, text.getBytes(StandardCharsets.UTF_8).length + 1);
  }

  /**
   * The cluster of the device that a read of cluster {@code index} finds: the blob's own or its
   * nearest ancestor's; 0 where it reads as zeros. Any reactor.
   */
  int readCluster(int index) {
    for (Blob blob = this; blob != null && index < blob.clusters.size(); blob = blob.parent) {
      int cluster = blob.clusters.get(index);
      if (cluster != 0) {
        return cluster;
      }
    }
    return 0;
  }

  @Override
  public String toString() {
    return "blob 0x" + Long.toHexString(id);
  }
}

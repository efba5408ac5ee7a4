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

  /**
   * Internal xattr: the external snapshot's id, for lvols the uuid of a bdev as text with a NUL.
   */
  static final String EXTERNAL_PARENT = "EXTSNAP";

  /** Internal xattrs of a snapshot whose creation or removal is under way: u64 id of the other. */
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

  /** Replaced only while nobody reads or writes the blob itself. */
  volatile ClusterMap clusters;

  /** The metadata page of each row's extent page, 0 for none; empty for a blob with RLE extents. */
  int[] extentPages;

  int allocatedClusters;

  /** Where unallocated clusters are read from. Read on any reactor. */
  volatile @Nullable Blob parent;

  /** The open external snapshot that unallocated clusters are read from. Read on any reactor. */
  volatile @Nullable ExternalSnapshot external;

  final List<Blob> clones = new ArrayList<>();

  /** It has or had clones since the store was opened: what SPDK calls a snapshot. */
  private boolean snapshot;

  /** An operation of many steps is under way; others are refused with EBUSY, as in SPDK. */
  boolean locked;

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

  /** As marked, or because of flags of a newer version that say so. */
  boolean readOnly() {
    return dataRoFlags != 0 || (mdRoFlags & ~CLEAR_METHOD) != 0;
  }

  boolean isSnapshot() {
    return snapshot;
  }

  /** An unallocated cluster reads as what an external snapshot has there. */
  boolean hasExternalParent() {
    return (invalidFlags & EXTERNAL_SNAPSHOT) != 0;
  }

  /** The external snapshot's id, or null. */
  @Nullable String externalParentId() {
    byte[] id = internalXattrs.get(EXTERNAL_PARENT);
    return hasExternalParent() && id != null ? text(id) : null;
  }

  /** It or an ancestor needs an external snapshot that is not there. */
  boolean degraded() {
    for (Blob blob = this; blob != null; blob = blob.parent) {
      if (blob.hasExternalParent() && blob.external == null) {
        return true;
      }
    }
    return false;
  }

  /** In memory: unallocated clusters are read from {@code newParent} from now on. */
  void moveTo(@Nullable Blob newParent) {
    Blob old = parent;
    if (old != null) {
      old.clones.remove(this);
    }
    parent = newParent;
    if (newParent != null) {
      newParent.clones.add(this);
      newParent.snapshot = true;
    }
  }

  /** The blob and everything that is read through it. */
  List<Blob> withDescendants() {
    List<Blob> all = new ArrayList<>(List.of(this));
    for (int i = 0; i < all.size(); i++) {
      all.addAll(all.get(i).clones);
    }
    return all;
  }

  ClearMethod clearMethod() {
    return ClearMethod.of((int) (mdRoFlags & CLEAR_METHOD));
  }

  /** The parent's id, or {@link SuperBlock#NO_BLOB}. */
  long parentId() {
    return blobId(PARENT);
  }

  /** The id in an internal xattr, or {@link SuperBlock#NO_BLOB}. */
  long blobId(String internalXattr) {
    byte[] id = internalXattrs.get(internalXattr);
    return id == null || id.length != Long.BYTES
        ? SuperBlock.NO_BLOB
        : ByteBuffer.wrap(id).order(ByteOrder.LITTLE_ENDIAN).getLong();
  }

  void putBlobId(String internalXattr, long blobId) {
    putInternal(
        internalXattr,
        ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(blobId).array());
  }

  /** As SPDK: the flag comes with the first internal xattr. */
  void putInternal(String xattr, byte[] value) {
    internalXattrs.put(xattr, value);
    invalidFlags |= HAS_INTERNAL_XATTRS;
  }

  /** As SPDK: the flag goes with the last internal xattr. */
  void removeInternal(String xattr) {
    if (internalXattrs.remove(xattr) != null && internalXattrs.isEmpty()) {
      invalidFlags &= ~HAS_INTERNAL_XATTRS;
    }
  }

  /** What a root page says about a blob, to go back to it when it could not be written. */
  record Attributes(
      long invalidFlags,
      long dataRoFlags,
      Map<String, byte[]> xattrs,
      Map<String, byte[]> internalXattrs) {}

  Attributes attributes() {
    return new Attributes(
        invalidFlags,
        dataRoFlags,
        new LinkedHashMap<>(xattrs),
        new LinkedHashMap<>(internalXattrs));
  }

  void attributes(Attributes saved) {
    invalidFlags = saved.invalidFlags;
    dataRoFlags = saved.dataRoFlags;
    xattrs.clear();
    xattrs.putAll(saved.xattrs);
    internalXattrs.clear();
    internalXattrs.putAll(saved.internalXattrs);
  }

  /** An xattr's value up to its first NUL, or null. */
  @Nullable String text(String xattr) {
    byte[] value = xattrs.get(xattr);
    return value == null ? null : text(value);
  }

  private static String text(byte[] value) {
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

  /**
   * The external snapshot that a read of cluster {@code index} reaches when {@link #readCluster} is
   * 0, or null where it reads as zeros. Any reactor.
   */
  @Nullable ExternalSnapshot readExternal(int index) {
    for (Blob blob = this; blob != null && index < blob.clusters.size(); blob = blob.parent) {
      ExternalSnapshot snapshot = blob.external;
      if (snapshot != null) {
        return index < snapshot.clusters() ? snapshot : null;
      }
    }
    return null;
  }

  /** Cluster {@code index} reads as zeros. */
  boolean readsAsZeros(int index) {
    return readCluster(index) == 0 && readExternal(index) == null;
  }

  @Override
  public String toString() {
    return "blob 0x" + Long.toHexString(id);
  }
}

package io.diskengine.engine.lvcheck;

/**
 * Where things are, as a super block says that was found sound enough to go on.
 *
 * @param clean the masks are to be trusted
 * @param torn a crash wrote a part of the super block: its checksum is that of the same one with
 *     the other clean flag, or a shadow has it as it was to be
 * @param sizeBytes of the store
 */
record Layout(
    int version,
    boolean clean,
    boolean torn,
    long superBlobId,
    long clusterBytes,
    Area pageMask,
    Area clusterMask,
    Area blobIdMask,
    Area metadata,
    String type,
    long sizeBytes,
    int ioUnitBytes,
    int pageBytes) {
  static final String LVOLSTORE = "LVOLSTORE";
  static final long FIRST_BLOB_ID = 1L << 32;
  static final long NO_BLOB = -1;
  private static final int MAX_SHADOW_SLOTS = 64;
  private static final int PAGES_PER_SHADOW_SLOT = 16;

  /** A run of pages from the start of the medium. */
  record Area(long start, long pages) {
    long end() {
      return start + pages;
    }
  }

  int pages() {
    return (int) metadata.pages;
  }

  int clusters() {
    return (int) (sizeBytes / clusterBytes);
  }

  /** The first clusters, which hold super block, masks and metadata. */
  int metadataClusters() {
    return (int) ((metadata.end() * pageBytes + clusterBytes - 1) / clusterBytes);
  }

  long pageOffset(long page) {
    return (metadata.start + page) * pageBytes;
  }

  boolean isLvolStore() {
    return type.equals(LVOLSTORE);
  }

  /** A store whose masks say what is in use; others are recovered when they are loaded. */
  boolean masksCount() {
    return clean && blobIdMask.pages > 0;
  }

  /** The first of the last metadata pages where our engine keeps shadows. */
  int firstShadowSlot() {
    return pages() - shadowSlots(pages());
  }

  static int shadowSlots(long pages) {
    return (int) Math.min(MAX_SHADOW_SLOTS, pages / PAGES_PER_SHADOW_SLOT);
  }
}

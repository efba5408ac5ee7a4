package io.diskengine.engine.lvol;

import static io.diskengine.nvme.NativeMemory.getInt;
import static io.diskengine.nvme.NativeMemory.getLong;
import static io.diskengine.nvme.NativeMemory.putByte;
import static io.diskengine.nvme.NativeMemory.putInt;
import static io.diskengine.nvme.NativeMemory.putLong;

import io.diskengine.nvme.Crc32c;
import io.diskengine.nvme.NativeMemory;

/**
 * A metadata page (SPDK lib/blob, struct spdk_blob_md_page): 4096 bytes at the start of each page
 * of the metadata area, whatever the page size.
 *
 * <pre>
 *    0 u64 blob id     8 u32 sequence in the chain     12 u32 zero
 *   16 descriptors: u8 type, u32 length of what follows, ...      (4072 bytes)
 * 4088 u32 next page of the chain, ffffffff for none             4092 u32 CRC-32C
 * </pre>
 */
final class MetadataPage {
  static final int SIZE = 4096;
  static final int DESCRIPTORS = 16;
  static final int DESCRIPTORS_END = 4088;

  /** In {@link #next}: the chain ends here. */
  static final int END_OF_CHAIN = -1;

  static final int PADDING = 0;
  static final int EXTENT_RLE = 1;
  static final int XATTR = 2;
  static final int FLAGS = 3;
  static final int INTERNAL_XATTR = 4;
  static final int EXTENT_TABLE = 5;
  static final int EXTENT_PAGE = 6;

  /** u8 type, u32 length. */
  static final int DESCRIPTOR_HEADER = 5;

  private static final int SEQUENCE = 8;
  private static final int NEXT = 4088;
  private static final int CRC = 4092;

  private MetadataPage() {}

  static long id(long page) {
    return getLong(page);
  }

  static int sequence(long page) {
    return getInt(page + SEQUENCE);
  }

  static int next(long page) {
    return getInt(page + NEXT);
  }

  static void next(long page, int nextPage) {
    putInt(page + NEXT, nextPage);
  }

  static void init(long page, long blobId, int sequence) {
    NativeMemory.zero(page, SIZE);
    putLong(page, blobId);
    putInt(page + SEQUENCE, sequence);
    next(page, END_OF_CHAIN);
  }

  static void seal(long page, Crc32c crc) {
    putInt(page + CRC, crc.of(page, CRC));
  }

  static boolean intact(long page, Crc32c crc) {
    return crc.of(page, CRC) == getInt(page + CRC);
  }

  /** The first page of a blob's chain: intact, and where its id says it is. */
  static boolean isRoot(long page, int pageNumber, Crc32c crc) {
    return id(page) == SuperBlock.FIRST_BLOB_ID + pageNumber
        && sequence(page) == 0
        && intact(page, crc);
  }

  static int type(long descriptor) {
    return NativeMemory.getUnsignedByte(descriptor);
  }

  /** Bytes that follow the descriptor's header. */
  static int length(long descriptor) {
    return getInt(descriptor + 1);
  }

  static void header(long descriptor, int type, int length) {
    putByte(descriptor, (byte) type);
    putInt(descriptor + 1, length);
  }
}

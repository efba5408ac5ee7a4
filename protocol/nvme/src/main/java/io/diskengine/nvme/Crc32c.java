package io.diskengine.nvme;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * CRC32C over native ranges: the header and data digests of NVMe/TCP (NVMe/TCP 1.0, 3.3.1.1),
 * stored little-endian behind what they cover, and the checksums of SPDK's on-disk formats.
 *
 * <p>One object per reactor; it is not thread-safe. The JDK's fast path takes only buffers, and a
 * buffer per range would be garbage per PDU, so the bytes pass through a small direct buffer that
 * stays in the cache.
 */
public final class Crc32c {
  public static final int DIGEST_SIZE = 4;
  private static final int STAGING_BYTES = 8192;

  private final CRC32C crc = new CRC32C();
  private final ByteBuffer staging = ByteBuffer.allocateDirect(STAGING_BYTES);
  private final long stagingAddress = MemorySegment.ofBuffer(staging).address();

  public void reset() {
    crc.reset();
  }

  /** Continues over {@code length} bytes. */
  public void update(long address, long length) {
    for (long done = 0; done < length; ) {
      int n = (int) Math.min(STAGING_BYTES, length - done);
      NativeMemory.copy(address + done, stagingAddress, n);
      staging.clear().limit(n);
      crc.update(staging);
      done += n;
    }
  }

  /** The digest of everything since {@link #reset}. */
  public int value() {
    return (int) crc.getValue();
  }

  /** The digest of one range; what was fed before is forgotten. */
  public int of(long address, long length) {
    reset();
    update(address, length);
    return value();
  }
}

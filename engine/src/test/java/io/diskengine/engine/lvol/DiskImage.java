package io.diskengine.engine.lvol;

import io.diskengine.engine.lvcheck.Medium;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.zip.CRC32;
import java.util.zip.CRC32C;
import java.util.zip.GZIPInputStream;

/** The bytes of a disk, most of them zero. */
final class DiskImage implements Medium {
  private static final int PAGE = 4096;

  private final Map<Long, byte[]> pages = new HashMap<>();
  private final long sizeBytes;

  DiskImage(long sizeBytes) {
    this.sizeBytes = sizeBytes;
  }

  @Override
  public long sizeBytes() {
    return sizeBytes;
  }

  /** A gzipped image of the test resources. */
  static DiskImage resource(String name, long sizeBytes) {
    DiskImage image = new DiskImage(sizeBytes);
    try (InputStream in =
        new GZIPInputStream(
            Objects.requireNonNull(DiskImage.class.getResourceAsStream("/lvs/" + name), name),
            1 << 16)) {
      byte[] page = new byte[PAGE];
      for (long at = 0; in.readNBytes(page, 0, PAGE) > 0; at += PAGE) {
        image.write(at, page, 0, PAGE);
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return image;
  }

  DiskImage copy() {
    DiskImage copy = new DiskImage(sizeBytes);
    pages.forEach((at, page) -> copy.pages.put(at, page.clone()));
    return copy;
  }

  /** Equal for equal content, and in practice for nothing else. */
  long fingerprint() {
    CRC32C one = new CRC32C();
    CRC32 other = new CRC32();
    ByteBuffer number = ByteBuffer.allocate(Long.BYTES);
    new TreeMap<>(pages)
        .forEach((at, page) -> {
          if (!isZero(page, 0, PAGE)) {
            number.putLong(0, at);
            one.update(number.array());
            other.update(number.array());
            one.update(page);
            other.update(page);
          }
        });
    return one.getValue() << 32 | other.getValue();
  }

  @Override
  public byte[] read(long offset, int length) {
    byte[] bytes = new byte[length];
    read(offset, bytes);
    return bytes;
  }

  @Override
  public void read(long offset, byte[] into) {
    for (int done = 0; done < into.length; ) {
      long at = offset + done;
      int inPage = (int) (at % PAGE);
      int count = Math.min(into.length - done, PAGE - inPage);
      byte[] page = pages.get(at / PAGE);
      if (page != null) {
        System.arraycopy(page, inPage, into, done, count);
      } else {
        Arrays.fill(into, done, done + count, (byte) 0);
      }
      done += count;
    }
  }

  void write(long offset, byte[] bytes, int from, int length) {
    for (int done = 0; done < length; ) {
      long at = offset + done;
      int inPage = (int) (at % PAGE);
      int count = Math.min(length - done, PAGE - inPage);
      byte[] page = pages.get(at / PAGE);
      if (page == null && !isZero(bytes, from + done, count)) {
        page = new byte[PAGE];
        pages.put(at / PAGE, page);
      }
      if (page != null) {
        System.arraycopy(bytes, from + done, page, inPage, count);
      }
      done += count;
    }
  }

  void zero(long offset, long length) {
    for (long done = 0; done < length; ) {
      long at = offset + done;
      int inPage = (int) (at % PAGE);
      int count = (int) Math.min(length - done, PAGE - inPage);
      if (count == PAGE) {
        pages.remove(at / PAGE);
      } else {
        write(at, new byte[count], 0, count);
      }
      done += count;
    }
  }

  private static boolean isZero(byte[] bytes, int from, int count) {
    for (int i = from; i < from + count; i++) {
      if (bytes[i] != 0) {
        return false;
      }
    }
    return true;
  }
}

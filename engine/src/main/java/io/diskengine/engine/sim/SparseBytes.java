package io.diskengine.engine.sim;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** The content of a file in which most bytes are zero. */
public final class SparseBytes {
  static final int PAGE = 4096;

  private final Map<Long, byte[]> pages = new HashMap<>();
  private long sizeBytes;

  public long sizeBytes() {
    return sizeBytes;
  }

  public long allocatedBytes() {
    return (long) pages.size() * PAGE;
  }

  /** Bytes from {@code offset}; zeros where nothing was written, also past the end. */
  public byte[] read(long offset, int length) {
    byte[] bytes = new byte[length];
    for (int done = 0; done < length; ) {
      long at = offset + done;
      int inPage = (int) (at % PAGE);
      int count = Math.min(length - done, PAGE - inPage);
      byte[] page = pages.get(at / PAGE);
      if (page != null) {
        System.arraycopy(page, inPage, bytes, done, count);
      }
      done += count;
    }
    return bytes;
  }

  public void write(long offset, byte[] bytes) {
    write(offset, bytes, 0, bytes.length);
  }

  void write(long offset, byte[] bytes, int from, int length) {
    for (int done = 0; done < length; ) {
      long at = offset + done;
      int inPage = (int) (at % PAGE);
      int count = Math.min(length - done, PAGE - inPage);
      byte[] page = pages.computeIfAbsent(at / PAGE, _ -> new byte[PAGE]);
      System.arraycopy(bytes, from + done, page, inPage, count);
      done += count;
    }
    sizeBytes = Math.max(sizeBytes, offset + length);
  }

  /** Zeros within the size; whole pages are given back. */
  void zero(long offset, long length) {
    long end = offset + length;
    pages.entrySet().removeIf(e -> e.getKey() * PAGE >= offset && (e.getKey() + 1) * PAGE <= end);
    for (long page : new long[] {offset / PAGE, end / PAGE}) {
      byte[] bytes = pages.get(page);
      long from = Math.max(offset, page * PAGE);
      long to = Math.min(end, (page + 1) * PAGE);
      if (bytes != null && from < to) {
        Arrays.fill(bytes, (int) (from - page * PAGE), (int) (to - page * PAGE), (byte) 0);
      }
    }
  }

  void resize(long newSizeBytes) {
    if (newSizeBytes < sizeBytes) {
      zero(newSizeBytes, sizeBytes - newSizeBytes);
    }
    sizeBytes = newSizeBytes;
  }

  /** Pages that a write of this range would add, in bytes. */
  long newBytes(long offset, long length) {
    long added = 0;
    for (long page = offset / PAGE; page * PAGE < offset + length; page++) {
      added += pages.containsKey(page) ? 0 : PAGE;
    }
    return added;
  }

  public SparseBytes copy() {
    SparseBytes copy = new SparseBytes();
    pages.forEach((page, bytes) -> copy.pages.put(page, bytes.clone()));
    copy.sizeBytes = sizeBytes;
    return copy;
  }
}

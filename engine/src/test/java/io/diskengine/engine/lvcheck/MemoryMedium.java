package io.diskengine.engine.lvcheck;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.zip.GZIPInputStream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** A store in memory; most of it is zeros. */
class MemoryMedium implements Medium.Writable {
  private static final int PAGE = 4096;

  private static final Map<String, MemoryMedium> FIXTURES = new ConcurrentHashMap<>();

  private final Map<Long, byte[]> pages = new HashMap<>();
  private final long sizeBytes;

  MemoryMedium(long sizeBytes) {
    this.sizeBytes = sizeBytes;
  }

  /** What a manifest of the test resources says. */
  static JsonNode manifest(String fixture) {
    try (InputStream in = resource(fixture + ".json")) {
      return new ObjectMapper().readTree(in);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** A copy of its own of an image of the test resources. */
  static MemoryMedium fixture(String name) {
    return FIXTURES.computeIfAbsent(name, MemoryMedium::unpack).copy();
  }

  private static MemoryMedium unpack(String name) {
    long size = manifest(name).get("images").get(0).get("size").longValue();
    MemoryMedium medium = new MemoryMedium(size);
    try (InputStream in = new GZIPInputStream(resource(name + ".img.gz"), 1 << 16)) {
      byte[] page = new byte[PAGE];
      for (long at = 0; in.readNBytes(page, 0, PAGE) > 0; at += PAGE) {
        if (!Bytes.isZero(page, 0, PAGE)) {
          medium.pages.put(at / PAGE, page.clone());
        }
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return medium;
  }

  private static InputStream resource(String name) {
    return Objects.requireNonNull(MemoryMedium.class.getResourceAsStream("/lvs/" + name), name);
  }

  /** A copy. */
  MemoryMedium(MemoryMedium other) {
    this(other.sizeBytes);
    other.pages.forEach((at, page) -> pages.put(at, page.clone()));
  }

  MemoryMedium copy() {
    return new MemoryMedium(this);
  }

  @Override
  public long sizeBytes() {
    return sizeBytes;
  }

  @Override
  public void read(long offset, byte[] into) {
    if (offset < 0 || offset > sizeBytes - into.length) {
      throw new AssertionError("read of " + into.length + " at " + offset + " of " + sizeBytes);
    }
    for (int done = 0; done < into.length; ) {
      int inPage = (int) ((offset + done) % PAGE);
      int count = Math.min(into.length - done, PAGE - inPage);
      byte[] page = pages.get((offset + done) / PAGE);
      if (page != null) {
        System.arraycopy(page, inPage, into, done, count);
      } else {
        Arrays.fill(into, done, done + count, (byte) 0);
      }
      done += count;
    }
  }

  @Override
  public byte[] read(long offset, int length) {
    byte[] bytes = new byte[length];
    read(offset, bytes);
    return bytes;
  }

  @Override
  public void write(long offset, byte[] bytes) {
    for (int done = 0; done < bytes.length; ) {
      int inPage = (int) ((offset + done) % PAGE);
      int count = Math.min(bytes.length - done, PAGE - inPage);
      byte[] page = pages.computeIfAbsent((offset + done) / PAGE, p -> new byte[PAGE]);
      System.arraycopy(bytes, done, page, inPage, count);
      done += count;
    }
  }

  @Override
  public void flush() {}

  Report check() {
    try {
      return switch (StoreCheck.check(this)) {
        case StoreCheck.Result.Checked(Report report) -> report;
        case StoreCheck.Result.NoStore(String reason) -> throw new AssertionError(reason);
      };
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}

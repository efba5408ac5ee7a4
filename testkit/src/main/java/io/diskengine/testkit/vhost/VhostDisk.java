package io.diskengine.testkit.vhost;

import io.diskengine.nvme.NativeMemory;
import java.nio.file.Path;

/** A vhost-user-blk disk that is read and written one request at a time. */
public final class VhostDisk implements AutoCloseable {
  private static final int READ = 0;
  private static final int WRITE = 1;
  private static final int FLUSH = 4;
  private static final int OK = 0;
  private static final int UNSUPPORTED = 2;
  private static final int SECTOR = 512;
  private static final int HEADER_BYTES = 16;
  private static final int LIMIT_MS = 30_000;
  private static final int NEXT = 1;
  private static final int DEVICE_WRITES = 2;

  /** The longest request. */
  public static final int MAX_BYTES = 1 << 18;

  private final VhostFrontend guest;
  private final VhostFrontend.Ring ring;
  private final long header;
  private final long data;
  private final long status;

  /** Connects to the socket of a controller, as a guest would. */
  public VhostDisk(Path socket) {
    guest = VhostFrontend.connect(socket, 4L << 20).start(1, 64, VhostFrontend.FLUSH);
    ring = guest.ring(0);
    header = guest.allocateGuest(HEADER_BYTES);
    data = guest.allocateGuest(MAX_BYTES);
    status = guest.allocateGuest(1);
  }

  public void write(long offset, byte[] bytes) {
    NativeMemory.copy(bytes, 0, guest.local(data), bytes.length);
    request(WRITE, offset, bytes.length);
  }

  public byte[] read(long offset, int length) {
    request(READ, offset, length);
    return NativeMemory.bytes(guest.local(data), length);
  }

  /** Does nothing where the disk has none: SPDK's lvols do not offer it. */
  public void flush() {
    int answer = ask(FLUSH, 0, 0);
    if (answer != OK && answer != UNSUPPORTED) {
      throw new IllegalStateException("flush: status " + answer);
    }
  }

  private void request(int type, long offset, int length) {
    int answer = ask(type, offset, length);
    if (answer != OK) {
      throw new IllegalStateException(
          "request of type %d at %d, %d bytes: status %d".formatted(type, offset, length, answer));
    }
  }

  private int ask(int type, long offset, int length) {
    if (length > MAX_BYTES || length % SECTOR != 0 || offset % SECTOR != 0) {
      throw new IllegalArgumentException(
          offset + "+" + length + ": not whole sectors, or too many");
    }
    NativeMemory.fill(guest.local(header), HEADER_BYTES, (byte) 0);
    NativeMemory.putInt(guest.local(header), type);
    NativeMemory.putLong(guest.local(header) + 8, offset / SECTOR);
    NativeMemory.fill(guest.local(status), 1, (byte) 0xff);
    ring.desc(0, header, HEADER_BYTES, NEXT, 1);
    int last = 1;
    if (length > 0) {
      ring.desc(1, data, length, NEXT | (type == READ ? DEVICE_WRITES : 0), 2);
      last = 2;
    }
    ring.desc(last, status, 1, DEVICE_WRITES, 0);
    ring.offer(0);
    ring.kick();
    if (ring.await(LIMIT_MS) == null) {
      throw new IllegalStateException("no answer to a request of type " + type);
    }
    return NativeMemory.getByte(guest.local(status));
  }

  @Override
  public void close() {
    guest.close();
  }
}

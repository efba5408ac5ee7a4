package io.diskengine.testkit.system;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.nvme.NativeMemory;
import io.diskengine.testkit.vhost.VhostFrontend;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** A guest on a vhost-user-blk socket that reads and writes the first block; virtio 1.3, 5.2.6. */
final class OneBlockGuest implements AutoCloseable {
  static final int OK = 0;
  static final int IO_ERROR = 1;

  private static final int VIRTIO_BLK_T_IN = 0;
  private static final int VIRTIO_BLK_T_OUT = 1;
  private static final int DESC_NEXT = 1;
  private static final int DESC_WRITE = 2;
  private static final int BLOCK = 4096;
  private static final long GUEST_MEMORY = 8 << 20;
  private static final int PATIENCE_MS = 30_000;

  private final VhostFrontend frontend;
  private long status;

  private OneBlockGuest(VhostFrontend frontend) {
    this.frontend = frontend;
  }

  static OneBlockGuest connect(Path socket) {
    return new OneBlockGuest(VhostFrontend.connect(socket, GUEST_MEMORY).start(1, 128, 0));
  }

  void write(int value) {
    startWrite(value);
    assertThat(await(PATIENCE_MS)).isEqualTo(OK);
  }

  int read() {
    long data = frontend.allocateGuest(BLOCK);
    start(VIRTIO_BLK_T_IN, data);
    assertThat(await(PATIENCE_MS)).isEqualTo(OK);
    return NativeMemory.getByte(frontend.local(data) + BLOCK - 1);
  }

  void startWrite(int value) {
    long data = frontend.allocateGuest(BLOCK);
    NativeMemory.fill(frontend.local(data), BLOCK, (byte) value);
    start(VIRTIO_BLK_T_OUT, data);
  }

  private void start(int type, long data) {
    long header = frontend.allocateGuest(16);
    NativeMemory.putInt(frontend.local(header), type);
    NativeMemory.putInt(frontend.local(header) + 4, 0);
    NativeMemory.putLong(frontend.local(header) + 8, 0);
    status = frontend.allocateGuest(1);
    NativeMemory.putByte(frontend.local(status), (byte) 0x55);
    VhostFrontend.Ring ring = frontend.ring(0);
    ring.desc(0, header, 16, DESC_NEXT, 1);
    ring.desc(1, data, BLOCK, DESC_NEXT | (type == VIRTIO_BLK_T_IN ? DESC_WRITE : 0), 2);
    ring.desc(2, status, 1, DESC_WRITE, 0);
    ring.offer(0);
    ring.kick();
  }

  /** The status of the request that was started; null when it has none by then. */
  @Nullable Integer await(int timeoutMs) {
    Integer head = frontend.ring(0).await(timeoutMs);
    return head == null ? null : (int) NativeMemory.getByte(frontend.local(status));
  }

  @Override
  public void close() {
    frontend.close();
  }
}

package io.diskengine.engine.linux;

import io.diskengine.nvme.NativeMemory;
import java.lang.foreign.Arena;

/**
 * Bytes with file descriptors over a Unix socket (SCM_RIGHTS, unix(7)), reusable. Not thread-safe;
 * its owner closes the descriptors that it received.
 */
public final class UnixMessage {
  private static final int SCM_RIGHTS = 1;
  private static final int CMSG_HEADER_BYTES = 16; // len u64, level i32, type i32
  private static final int MSG_CTRUNC = 8;
  private static final int MSG_CMSG_CLOEXEC = 0x4000_0000;

  private final long header;
  private final long iov;
  private final long control;
  private final int controlBytes;
  private final int[] descriptors;
  private int descriptorCount;
  private boolean truncated;

  /** At most {@code maxDescriptors} per message; memory lives as long as {@code arena}. */
  public UnixMessage(Arena arena, int maxDescriptors) {
    this.controlBytes = CMSG_HEADER_BYTES + (maxDescriptors * 4 + 7 & ~7);
    this.header = arena.allocate(MessageHeader.BYTES, 8).address();
    this.iov = arena.allocate(16, 8).address();
    this.control = arena.allocate(controlBytes, 8).address();
    // the padding has room for one more that the kernel may fill
    this.descriptors = new int[(controlBytes - CMSG_HEADER_BYTES) / 4];
  }

  /** Bytes received, 0 at the end, or -errno; then see {@link #descriptorCount}. */
  public int receive(int fd, long address, int lengthBytes, int flags) {
    prepare(address, lengthBytes, controlBytes);
    descriptorCount = 0;
    truncated = false;
    int result = SocketCalls.recvmsg(fd, header, flags | MSG_CMSG_CLOEXEC);
    if (result < 0) {
      return result;
    }
    truncated = (MessageHeader.flags(header) & MSG_CTRUNC) != 0;
    long length = MessageHeader.controlBytes(header);
    for (long at = 0; at + CMSG_HEADER_BYTES <= length; ) {
      long size = NativeMemory.getLong(control + at);
      if (size < CMSG_HEADER_BYTES) {
        break;
      }
      if (NativeMemory.getInt(control + at + 8) == SocketCalls.SOL_SOCKET
          && NativeMemory.getInt(control + at + 12) == SCM_RIGHTS) {
        for (long d = at + CMSG_HEADER_BYTES; d + 4 <= at + size; d += 4) {
          descriptors[descriptorCount++] = NativeMemory.getInt(control + d);
        }
      }
      at += size + 7 & ~7L;
    }
    return result;
  }

  /** Bytes taken (the descriptors go with the first of them), or -errno. */
  public int send(int fd, long address, int lengthBytes, int flags, int... passed) {
    int count = passed.length;
    long used = count == 0 ? 0 : CMSG_HEADER_BYTES + 4L * count;
    prepare(address, lengthBytes, used);
    if (count > 0) {
      NativeMemory.putLong(control, used);
      NativeMemory.putInt(control + 8, SocketCalls.SOL_SOCKET);
      NativeMemory.putInt(control + 12, SCM_RIGHTS);
      for (int i = 0; i < count; i++) {
        NativeMemory.putInt(control + CMSG_HEADER_BYTES + 4L * i, passed[i]);
      }
    }
    return SocketCalls.sendmsg(fd, header, flags | SocketCalls.MSG_NOSIGNAL);
  }

  private void prepare(long address, int lengthBytes, long controlLength) {
    NativeMemory.putLong(iov, address);
    NativeMemory.putLong(iov + 8, lengthBytes);
    MessageHeader.iov(header, iov, 1);
    MessageHeader.control(header, controlLength == 0 ? 0 : control, controlLength);
  }

  /** Descriptors of the last received message. */
  public int descriptorCount() {
    return descriptorCount;
  }

  public int descriptor(int index) {
    return descriptors[index];
  }

  /** The last received message carried more descriptors than there was room for. */
  public boolean truncated() {
    return truncated;
  }
}

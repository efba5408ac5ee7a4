package io.diskengine.engine.vhost;

import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.BdevIoOwner;
import io.diskengine.engine.bdev.IoStatus;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;
import java.lang.foreign.Arena;

/**
 * One slot of a virtqueue: the descriptor chain that starts at {@code head}, read once, and its
 * I/O. Everything in a chain is the guest's word and is checked here.
 */
final class BlkRequest implements BdevIoOwner {
  private static final int MAX_IOVS = VirtioBlk.MAX_SEGMENTS + 8;
  private static final int DESC_BYTES = 16;
  private static final int DESC_NEXT = 1;
  private static final int DESC_WRITE = 2;
  private static final int DESC_INDIRECT = 4;

  private final VirtQueue queue;
  private final int head;
  private final BdevIo io = new BdevIo(this);
  private final long iovs = Arena.global().allocate((long) MAX_IOVS * Iovec.SIZE, 16).address();
  private final long scratch = Arena.global().allocate(VirtioBlk.RANGE_BYTES, 16).address();
  private final GuestIovs out = new GuestIovs();
  private final GuestIovs in = new GuestIovs();
  private int iovCount;
  private long statusAddress;
  private long written;
  boolean inFlight;
  GuestMemory memory;

  BlkRequest(VirtQueue queue, int head, GuestMemory memory) {
    this.queue = queue;
    this.head = head;
    this.memory = memory;
  }

  /** A run of this request's iovec array: what the guest gave (out), or wants filled (in). */
  private static final class GuestIovs {
    int first;
    int count;
    long bytes;
  }

  /** Starts the request; false when the chain is so broken that the ring cannot be trusted. */
  boolean start(GuestMemory guestMemory, long descTable, int queueSize) {
    memory = guestMemory;
    inFlight = true;
    memory.use();
    iovCount = 0;
    statusAddress = 0;
    written = 0;
    if (!readChain(descTable, queueSize)) {
      return false;
    }
    if (in.bytes < 1) {
      return false;
    }
    takeStatusByte();
    if (out.bytes < VirtioBlk.HEADER_BYTES) {
      finish(VirtioBlk.S_IOERR);
      return true;
    }
    copyOut(scratch, VirtioBlk.HEADER_BYTES);
    dispatch(NativeMemory.getInt(scratch), NativeMemory.getLong(scratch + 8));
    return true;
  }

  private void dispatch(int type, long sector) {
    if (!queue.deviceUsable()) {
      finish(VirtioBlk.S_IOERR);
      return;
    }
    switch (type) {
      case VirtioBlk.T_IN -> transfer(in, sector, false);
      case VirtioBlk.T_OUT -> {
        if (queue.readOnly()) {
          finish(VirtioBlk.S_IOERR);
        } else {
          transfer(out, sector, true);
        }
      }
      case VirtioBlk.T_FLUSH -> queue.submit(io.flush());
      case VirtioBlk.T_GET_ID -> {
        copyIn(queue.deviceId());
        finish(VirtioBlk.S_OK);
      }
      case VirtioBlk.T_DISCARD, VirtioBlk.T_WRITE_ZEROES -> range(type);
      default -> finish(VirtioBlk.S_UNSUPP);
    }
  }

  private void transfer(GuestIovs data, long sector, boolean write) {
    int blockSize = queue.blockSizeBytes();
    if (data.bytes == 0 || data.bytes % blockSize != 0 || !aligned(sector)) {
      finish(VirtioBlk.S_IOERR);
      return;
    }
    long offset = sector / (blockSize / VirtioBlk.SECTOR_BYTES);
    long length = data.bytes / blockSize;
    long at = Iovec.at(iovs, data.first);
    if (write) {
      io.write(at, data.count, offset, length);
      queue.submit(queue.writeThrough() ? io.durable() : io);
    } else {
      written = data.bytes;
      queue.submit(io.read(at, data.count, offset, length));
    }
  }

  private void range(int type) {
    if (queue.readOnly() || out.bytes != VirtioBlk.RANGE_BYTES) {
      finish(VirtioBlk.S_IOERR);
      return;
    }
    copyOut(scratch, VirtioBlk.RANGE_BYTES);
    long sector = NativeMemory.getLong(scratch);
    long sectors = NativeMemory.getUnsignedInt(scratch + 8);
    int flags = NativeMemory.getInt(scratch + 12);
    int perBlock = queue.blockSizeBytes() / VirtioBlk.SECTOR_BYTES;
    boolean discard = type == VirtioBlk.T_DISCARD;
    if ((flags & ~1) != 0 || discard && flags != 0) {
      finish(VirtioBlk.S_UNSUPP);
    } else if (sectors == 0
        || sectors > VirtioBlk.MAX_RANGE_SECTORS
        || sectors % perBlock != 0
        || !aligned(sector)) {
      finish(VirtioBlk.S_IOERR);
    } else if (discard) {
      queue.submit(io.unmap(sector / perBlock, sectors / perBlock));
    } else {
      io.writeZeroes(sector / perBlock, sectors / perBlock);
      queue.submit(queue.writeThrough() ? io.durable() : io);
    }
  }

  private boolean aligned(long sector) {
    return sector >= 0 && sector % (queue.blockSizeBytes() / VirtioBlk.SECTOR_BYTES) == 0;
  }

  @Override
  public void completed(BdevIo done) {
    boolean ok = done.status() == IoStatus.SUCCESS;
    if (!ok) {
      written = 0;
    }
    finish(
        ok
            ? VirtioBlk.S_OK
            : done.status() == IoStatus.INVALID_OPCODE ? VirtioBlk.S_UNSUPP : VirtioBlk.S_IOERR);
  }

  private void finish(int status) {
    inFlight = false;
    GuestMemory used = memory;
    queue.ended(head, statusAddress, status, (int) Math.min(written + 1, Integer.MAX_VALUE));
    used.unuse();
  }

  /** The chain was broken: nothing can be answered. */
  void abandon() {
    inFlight = false;
    memory.unuse();
  }

  // ---- the descriptor chain

  private boolean readChain(long table, int tableSize) {
    reset(out);
    reset(in);
    long descs = table;
    int size = tableSize;
    int index = head;
    boolean indirect = false;
    for (int steps = 0; ; steps++) {
      if (index >= size || steps > size) {
        return false;
      }
      long desc = descs + (long) index * DESC_BYTES;
      long address = NativeMemory.getLong(desc);
      long length = NativeMemory.getUnsignedInt(desc + 8);
      int flags = NativeMemory.getUnsignedShort(desc + 12);
      int next = NativeMemory.getUnsignedShort(desc + 14);
      if ((flags & DESC_INDIRECT) != 0) {
        long at = memory.ofGuest(address, length);
        if (indirect
            || length == 0
            || length % DESC_BYTES != 0
            || at == 0
            || length > 65535L * 16) {
          return false;
        }
        indirect = true;
        descs = at;
        size = (int) (length / DESC_BYTES);
        index = 0;
        continue;
      }
      if (!add((flags & DESC_WRITE) != 0, address, length)) {
        return false;
      }
      if ((flags & DESC_NEXT) == 0) {
        return true;
      }
      index = next;
    }
  }

  private static void reset(GuestIovs iovs) {
    iovs.first = 0;
    iovs.count = 0;
    iovs.bytes = 0;
  }

  /** Appends a guest range; what the guest gives must precede what it wants filled. */
  private boolean add(boolean writable, long address, long length) {
    if (!writable && in.count > 0) {
      return false;
    }
    GuestIovs side = writable ? in : out;
    if (side.count == 0) {
      side.first = iovCount;
    }
    long at = address;
    for (long left = length; left > 0; ) {
      long here = Math.min(left, memory.contiguousBytes(at));
      if (here == 0 || iovCount == MAX_IOVS) {
        return false;
      }
      Iovec.set(iovs, iovCount++, memory.ofGuest(at, here), here);
      side.count++;
      side.bytes += here;
      at += here;
      left -= here;
    }
    return true;
  }

  /** The last byte that the guest wants filled is the status. */
  private void takeStatusByte() {
    long last = Iovec.at(iovs, in.first + in.count - 1);
    long length = Iovec.length(last) - 1;
    statusAddress = Iovec.base(last) + length;
    Iovec.length(last, length);
    in.bytes--;
    if (length == 0) {
      in.count--;
    }
  }

  /** Takes bytes off the front of what the guest gave. */
  private void copyOut(long to, int bytes) {
    int done = 0;
    while (done < bytes) {
      long iov = Iovec.at(iovs, out.first);
      int here = (int) Math.min(bytes - done, Iovec.length(iov));
      NativeMemory.copy(Iovec.base(iov), to + done, here);
      Iovec.base(iov, Iovec.base(iov) + here);
      Iovec.length(iov, Iovec.length(iov) - here);
      if (Iovec.length(iov) == 0) {
        out.first++;
        out.count--;
      }
      done += here;
    }
    out.bytes -= bytes;
  }

  private void copyIn(byte[] bytes) {
    int done = 0;
    for (int i = 0; i < in.count && done < bytes.length; i++) {
      long iov = Iovec.at(iovs, in.first + i);
      int here = (int) Math.min(bytes.length - done, Iovec.length(iov));
      NativeMemory.copy(bytes, done, Iovec.base(iov), here);
      done += here;
    }
    written = done;
  }
}

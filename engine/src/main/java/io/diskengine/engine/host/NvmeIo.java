package io.diskengine.engine.host;

import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.IoStatus;
import io.diskengine.engine.bdev.IoType;
import io.diskengine.nvme.DatasetManagementCommand;
import io.diskengine.nvme.DsmRange;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NvmOpcode;
import io.diskengine.nvme.NvmeStatus;
import io.diskengine.nvme.ReadWriteCommand;
import io.diskengine.nvme.Sqe;
import org.jspecify.annotations.Nullable;

/**
 * One I/O of a namespace, from submission to completion: one command, or several in sequence for
 * unmap and write zeroes longer than a command takes. Pooled by its channel.
 */
final class NvmeIo extends QpairRequest {
  /** Data of one Dataset Management: its iovec and its range. */
  static final int MEMORY_BYTES = Iovec.SIZE + DsmRange.SIZE;

  private final NvmeBdevChannel channel;
  private final long memory;
  private @Nullable BdevIo io;
  private long doneBlocks;
  private long commandBlocks;
  int retries;

  /** Where the command is, while it is. */
  @Nullable TcpQpair qpair;

  int cid;

  NvmeIo(NvmeBdevChannel channel, long memory) {
    this.channel = channel;
    this.memory = memory;
  }

  void start(BdevIo submitted) {
    io = submitted;
    submitted.driverState = this;
    doneBlocks = 0;
    retries = 0;
  }

  BdevIo io() {
    BdevIo submitted = io;
    if (submitted == null) {
      throw new IllegalStateException("no I/O");
    }
    return submitted;
  }

  /** Sends the next command on a queue pair with a free slot. */
  void send(TcpQpair on, NvmeNamespaceBdev bdev) {
    BdevIo submitted = io();
    long offset = submitted.offsetBlocks() + doneBlocks;
    long left = submitted.lengthBlocks() - doneBlocks;
    commandBlocks = left;
    CommandSlot slot = on.take(this);
    long sqe = slot.sqe();
    Sqe.nsid(sqe, bdev.nsid());
    switch (submitted.type()) {
      case READ, WRITE -> {
        boolean read = submitted.type() == IoType.READ;
        iov = submitted.iov();
        iovCount = submitted.iovCount();
        dataBytes = (int) (left * bdev.blockSizeBytes());
        transfer = read ? Transfer.FROM_CONTROLLER : Transfer.TO_CONTROLLER;
        Sqe.opcode(sqe, read ? NvmOpcode.READ : NvmOpcode.WRITE);
        range(sqe, offset, left);
        ReadWriteCommand.fua(sqe, submitted.isDurable());
      }
      case WRITE_ZEROES -> {
        commandBlocks = Math.min(left, bdev.mostWriteZeroesBlocks());
        transfer = Transfer.NONE;
        Sqe.opcode(sqe, NvmOpcode.WRITE_ZEROES);
        range(sqe, offset, commandBlocks);
        ReadWriteCommand.fua(sqe, submitted.isDurable());
        ReadWriteCommand.deac(sqe, true);
      }
      case UNMAP -> {
        commandBlocks = Math.min(left, bdev.mostUnmapBlocks());
        long range = memory + Iovec.SIZE;
        DsmRange.attributes(range, 0);
        DsmRange.length(range, commandBlocks);
        DsmRange.slba(range, offset);
        Iovec.set(memory, 0, range, DsmRange.SIZE);
        iov = memory;
        iovCount = 1;
        dataBytes = DsmRange.SIZE;
        transfer = Transfer.TO_CONTROLLER;
        Sqe.opcode(sqe, NvmOpcode.DATASET_MANAGEMENT);
        DatasetManagementCommand.nr(sqe, 0);
        DatasetManagementCommand.ad(sqe, true);
      }
      case FLUSH, RESET, ABORT -> {
        transfer = Transfer.NONE;
        Sqe.opcode(sqe, NvmOpcode.FLUSH);
      }
    }
    qpair = on;
    cid = slot.cid();
    on.submit(slot);
  }

  private static void range(long sqe, long offsetBlocks, long blocks) {
    ReadWriteCommand.slba(sqe, offsetBlocks);
    ReadWriteCommand.lengthBlocks(sqe, (int) blocks);
  }

  @Override
  void completed(int status, long cqe) {
    qpair = null;
    if (NvmeStatus.isSuccess(status)) {
      doneBlocks += commandBlocks;
      if (doneBlocks < io().lengthBlocks()) {
        channel.putFirst(this);
        channel.pump();
      } else {
        finish(IoStatus.SUCCESS);
      }
    } else if (channel.worthRetrying(this, status)) {
      channel.retryLater(this);
    } else {
      finish(NvmeStatus.code(status));
    }
  }

  /** The connection died: first in line again, whatever comes next. */
  @Override
  void returned() {
    qpair = null;
    channel.putFirst(this);
  }

  void finish(int status) {
    BdevIo done = io();
    io = null;
    done.driverState = null;
    channel.free(this);
    done.complete(status);
  }
}

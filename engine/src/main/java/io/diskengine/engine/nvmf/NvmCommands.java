package io.diskengine.engine.nvmf;

import io.diskengine.engine.bdev.IoType;
import io.diskengine.nvme.AnaGroupDescriptor;
import io.diskengine.nvme.DatasetManagementCommand;
import io.diskengine.nvme.DsmRange;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NvmOpcode;
import io.diskengine.nvme.NvmeStatus;
import io.diskengine.nvme.ReadWriteCommand;
import io.diskengine.nvme.Sqe;

/**
 * The NVM command set on a device (SPDK's lib/nvmf/ctrlr_bdev.c), on the connection's reactor.
 * Statuses and where DNR is set are SPDK's.
 */
final class NvmCommands {
  private static final int REFUSED = NvmeStatus.INVALID_OPCODE | NvmeStatus.DNR;

  private NvmCommands() {}

  static void execute(NvmfRequest request) {
    SubsystemGroup group = request.connection.subsystemGroup();
    SubsystemGroup.Entry namespace = group == null ? null : group.entry(Sqe.nsid(request.sqe));
    if (namespace == null) {
      end(request, NvmeStatus.INVALID_NAMESPACE_OR_FORMAT | NvmeStatus.DNR);
      return;
    }
    NvmfRequest.Connected queue = request.connection.queue();
    int ana = queue == null ? AnaGroupDescriptor.OPTIMIZED : queue.controller().anaState();
    if (ana > AnaGroupDescriptor.NON_OPTIMIZED) {
      end(request, anaStatus(ana));
      return;
    }
    request.namespace = namespace;
    switch (Sqe.opcode(request.sqe)) {
      case NvmOpcode.READ -> read(request, namespace);
      case NvmOpcode.WRITE -> write(request, namespace);
      case NvmOpcode.FLUSH -> {
        request.io.flush();
        namespace.submit(request.io);
      }
      case NvmOpcode.WRITE_ZEROES -> writeZeroes(request, namespace);
      case NvmOpcode.DATASET_MANAGEMENT -> deallocate(request, namespace);
      default -> end(request, REFUSED);
    }
  }

  private static int anaStatus(int state) {
    return switch (state) {
      case AnaGroupDescriptor.INACCESSIBLE -> NvmeStatus.ASYMMETRIC_ACCESS_INACCESSIBLE;
      case AnaGroupDescriptor.PERSISTENT_LOSS -> NvmeStatus.ASYMMETRIC_ACCESS_PERSISTENT_LOSS;
      default -> NvmeStatus.ASYMMETRIC_ACCESS_TRANSITION;
    };
  }

  private static void read(NvmfRequest request, SubsystemGroup.Entry namespace) {
    int blocks = ReadWriteCommand.lengthBlocks(request.sqe);
    long bytes = (long) blocks << namespace.blockShift;
    if (bytes > request.dataBytes) {
      end(request, NvmeStatus.DATA_SGL_LENGTH_INVALID);
      return;
    }
    request.shorten((int) bytes);
    Iovec.set(request.iov, 0, request.buffer, bytes);
    request.io.read(request.iov, 1, ReadWriteCommand.slba(request.sqe), blocks);
    namespace.submit(request.io);
  }

  private static void write(NvmfRequest request, SubsystemGroup.Entry namespace) {
    int blocks = ReadWriteCommand.lengthBlocks(request.sqe);
    long bytes = (long) blocks << namespace.blockShift;
    if (bytes > request.dataBytes) {
      end(request, NvmeStatus.DATA_SGL_LENGTH_INVALID);
      return;
    }
    Iovec.set(request.iov, 0, request.buffer, bytes);
    request.io.write(request.iov, 1, ReadWriteCommand.slba(request.sqe), blocks);
    if (ReadWriteCommand.fua(request.sqe)) {
      request.io.durable();
    }
    namespace.submit(request.io);
  }

  private static void writeZeroes(NvmfRequest request, SubsystemGroup.Entry namespace) {
    int blocks = ReadWriteCommand.lengthBlocks(request.sqe);
    int wzsl = request.subsystemOptions().wzsl();
    if (wzsl > 0 && (long) blocks << namespace.blockShift > 4096L << wzsl) {
      end(request, NvmeStatus.INVALID_FIELD | NvmeStatus.DNR);
      return;
    }
    request.io.writeZeroes(ReadWriteCommand.slba(request.sqe), blocks);
    if (ReadWriteCommand.fua(request.sqe)) {
      request.io.durable();
    }
    namespace.submit(request.io);
  }

  private static void deallocate(NvmfRequest request, SubsystemGroup.Entry namespace) {
    int ranges = DatasetManagementCommand.nr(request.sqe) + 1;
    if (ranges * DsmRange.SIZE > request.dataBytes) {
      end(request, NvmeStatus.DATA_SGL_LENGTH_INVALID);
    } else if (!DatasetManagementCommand.ad(request.sqe)) {
      end(request, NvmeStatus.SUCCESS); // hints about access
    } else if (!namespace.namespace.bdev().ioTypeSupported(IoType.UNMAP)) {
      end(request, REFUSED);
    } else {
      nextRange(request, namespace, ranges);
    }
  }

  /** One range after the other: a command has one device I/O. */
  private static void nextRange(NvmfRequest request, SubsystemGroup.Entry namespace, int ranges) {
    long dmrsl = request.subsystemOptions().dmrsl();
    while (request.range < ranges) {
      long range = request.buffer + (long) request.range++ * DsmRange.SIZE;
      long blocks = DsmRange.length(range);
      if (dmrsl > 0 && blocks > dmrsl) {
        end(request, NvmeStatus.COMMAND_SIZE_LIMIT_EXCEEDED | NvmeStatus.DNR);
        return;
      }
      if (blocks > 0) {
        request.io.unmap(DsmRange.slba(range), blocks);
        namespace.submit(request.io);
        return;
      }
    }
    end(request, NvmeStatus.SUCCESS);
  }

  /** The device has finished the request's I/O. */
  static void completed(NvmfRequest request, int status) {
    SubsystemGroup.Entry namespace = request.namespace;
    if (namespace == null) {
      throw new IllegalStateException("an I/O without a namespace");
    }
    boolean more =
        Sqe.opcode(request.sqe) == NvmOpcode.DATASET_MANAGEMENT && status == NvmeStatus.SUCCESS;
    if (more && !request.connection.closing()) {
      nextRange(request, namespace, DatasetManagementCommand.nr(request.sqe) + 1);
    } else {
      end(request, status < 0 ? NvmeStatus.INTERNAL_DEVICE_ERROR : status);
    }
    namespace.completed();
  }

  private static void end(NvmfRequest request, int status) {
    request.status = status;
    request.connection.returned(request);
  }
}

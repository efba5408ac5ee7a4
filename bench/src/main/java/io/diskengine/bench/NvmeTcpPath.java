package io.diskengine.bench;

import io.diskengine.nvme.AdminOpcode;
import io.diskengine.nvme.C2hData;
import io.diskengine.nvme.CapsuleCmd;
import io.diskengine.nvme.CapsuleResp;
import io.diskengine.nvme.ConnectCommand;
import io.diskengine.nvme.ConnectData;
import io.diskengine.nvme.ConnectResponse;
import io.diskengine.nvme.ControllerProperty;
import io.diskengine.nvme.Cqe;
import io.diskengine.nvme.FabricsCommand;
import io.diskengine.nvme.FabricsCommandType;
import io.diskengine.nvme.H2cData;
import io.diskengine.nvme.IcReq;
import io.diskengine.nvme.IcResp;
import io.diskengine.nvme.NativeMemory;
import io.diskengine.nvme.NvmOpcode;
import io.diskengine.nvme.PduHeader;
import io.diskengine.nvme.PropertyCommand;
import io.diskengine.nvme.R2t;
import io.diskengine.nvme.ReadWriteCommand;
import io.diskengine.nvme.Sgl;
import io.diskengine.nvme.Sqe;
import java.lang.foreign.Arena;
import java.net.SocketAddress;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * One I/O queue of an NVMe/TCP host that polls: commands of a batch lie side by side and go out in
 * one send, read data is received and skipped where it lies. The same class talks to the loopback
 * responder, which answers with the same PDUs but knows no Connect and no R2T.
 */
final class NvmeTcpPath implements IoPath {
  static final int BLOCK_BYTES = 4096;
  private static final int IN_CAPSULE_BYTES = 4096;
  private static final int RECEIVE_BYTES = 1 << 20;
  private static final int CONNECT_DATA_BYTES = ConnectData.SIZE;

  private final Arena arena = Arena.ofConfined();
  private final Workload workload;
  private final Stream stream;
  private final @Nullable Stream admin;
  private final boolean inCapsule;
  private final int stride;
  private final long batch;
  private final long h2c;
  private final long received = arena.allocate(RECEIVE_BYTES, 64).address();
  private final int[] done;
  private int maxH2cBytes = Integer.MAX_VALUE;
  private int batchBytes;
  private int doneHead;
  private int doneTail;
  private int kept;
  private long skip;

  private NvmeTcpPath(
      Stream stream, @Nullable Stream admin, Workload workload, boolean alwaysInCapsule) {
    this.stream = stream;
    this.admin = admin;
    this.workload = workload;
    done = new int[Integer.highestOneBit(workload.depth()) * 2];
    inCapsule = workload.write() && (alwaysInCapsule || workload.bytes() <= IN_CAPSULE_BYTES);
    stride = CapsuleCmd.SIZE + (inCapsule ? workload.bytes() : 0);
    batch = arena.allocate((long) stride * workload.depth(), 64).address();
    h2c = arena.allocate(H2cData.SIZE + (long) workload.bytes(), 64).address();
    for (int i = 0; i < workload.depth(); i++) {
      command(batch + (long) i * stride);
    }
  }

  /** To the responder: what {@link LoopbackResponder} reads first is the workload. */
  static NvmeTcpPath plain(Stream stream, Workload workload) {
    return new NvmeTcpPath(stream, null, workload, true);
  }

  /** A controller of its own with one I/O queue; namespace 1. */
  static NvmeTcpPath connect(SocketAddress target, String subnqn, Workload workload) {
    Stream admin = Stream.connect(target);
    Stream io = Stream.connect(target);
    NvmeTcpPath path = new NvmeTcpPath(io, admin, workload, false);
    path.initialize(admin);
    int cntlid = path.fabricConnect(admin, 0, 31, ConnectData.CNTLID_DYNAMIC, subnqn);
    path.enable(admin);
    path.maxH2cBytes = path.initialize(io);
    path.fabricConnect(io, 1, 2 * Math.max(16, workload.depth()) - 1, cntlid, subnqn);
    return path;
  }

  private void command(long pdu) {
    int pdo = inCapsule ? CapsuleCmd.SIZE : 0;
    PduHeader.init(pdu, PduHeader.CAPSULE_CMD, 0, CapsuleCmd.SIZE, pdo, stride);
    long sqe = pdu + CapsuleCmd.SQE;
    Sqe.init(sqe, workload.write() ? NvmOpcode.WRITE : NvmOpcode.READ, 0, 1);
    ReadWriteCommand.lengthBlocks(sqe, workload.bytes() / BLOCK_BYTES);
    if (inCapsule) {
      Sgl.inCapsule(sqe + Sqe.SGL1, 0, workload.bytes());
    } else {
      Sgl.transport(sqe + Sqe.SGL1, workload.bytes());
    }
  }

  // ---- set-up, blocking

  /** Answers the most data of one H2CData. */
  private int initialize(Stream to) {
    NativeMemory.zero(received, IcReq.SIZE);
    PduHeader.init(received, PduHeader.IC_REQ, 0, IcReq.SIZE, 0, IcReq.SIZE);
    to.send(received, IcReq.SIZE);
    to.receiveFully(received, IcResp.SIZE);
    return NativeMemory.getInt(received + IcResp.MAXH2CDATA);
  }

  /** Answers the controller's id. */
  private int fabricConnect(Stream to, int qid, int sqsize, int cntlid, String subnqn) {
    long sqe = fabric(FabricsCommandType.CONNECT, CONNECT_DATA_BYTES);
    Sgl.inCapsule(sqe + Sqe.SGL1, 0, CONNECT_DATA_BYTES);
    ConnectCommand.qid(sqe, qid);
    ConnectCommand.sqsize(sqe, sqsize);
    long data = received + CapsuleCmd.SIZE;
    NativeMemory.zero(data, CONNECT_DATA_BYTES);
    ConnectData.hostid(data, new UUID(0x62656e63, 0x68));
    ConnectData.cntlid(data, cntlid);
    ConnectData.subnqn(data, subnqn);
    ConnectData.hostnqn(data, "nqn.2026-11.io.diskengine:bench");
    return ConnectResponse.cntlid(call(to, CapsuleCmd.SIZE + CONNECT_DATA_BYTES, "Connect"));
  }

  private void enable(Stream to) {
    long sqe = fabric(FabricsCommandType.PROPERTY_SET, 0);
    PropertyCommand.ofst(sqe, ControllerProperty.CC);
    PropertyCommand.value(sqe, ControllerProperty.Cc.enable(ControllerProperty.Cc.CSS_NVM));
    call(to, CapsuleCmd.SIZE, "Property Set CC");
  }

  private long fabric(int fctype, int dataBytes) {
    int pdo = dataBytes > 0 ? CapsuleCmd.SIZE : 0;
    PduHeader.init(
        received, PduHeader.CAPSULE_CMD, 0, CapsuleCmd.SIZE, pdo, CapsuleCmd.SIZE + dataBytes);
    long sqe = received + CapsuleCmd.SQE;
    Sqe.init(sqe, AdminOpcode.FABRIC, 1, 0);
    FabricsCommand.fctype(sqe, fctype);
    return sqe;
  }

  private long call(Stream to, int bytes, String what) {
    to.send(received, bytes);
    to.receiveFully(received, CapsuleResp.SIZE);
    long cqe = received + CapsuleResp.CQE;
    int type = PduHeader.type(received);
    if (type != PduHeader.CAPSULE_RESP || Cqe.status(cqe) != 0) {
      throw new IllegalStateException(
          "%s: PDU type %d, status 0x%x".formatted(what, type, Cqe.status(cqe)));
    }
    return cqe;
  }

  // ---- the loop

  @Override
  public void queue(int slot, long place) {
    long sqe = batch + batchBytes + CapsuleCmd.SQE;
    Sqe.cid(sqe, slot);
    ReadWriteCommand.slba(sqe, place * (workload.bytes() / BLOCK_BYTES));
    batchBytes += stride;
  }

  @Override
  public void flush() {
    stream.send(batch, batchBytes);
    batchBytes = 0;
  }

  @Override
  public int next() {
    return doneHead == doneTail ? -1 : done[doneHead++ & done.length - 1];
  }

  @Override
  public void poll() {
    int have = kept + stream.receiveNow(received + kept, RECEIVE_BYTES - kept);
    if (have == kept) {
      return;
    }
    long at = received;
    long end = received + have;
    while (true) {
      long jump = Math.min(skip, end - at);
      skip -= jump;
      at += jump;
      if (end - at < PduHeader.SIZE || end - at < PduHeader.hlen(at)) {
        break;
      }
      take(at);
      skip = PduHeader.plen(at);
    }
    kept = (int) (end - at);
    if (kept > 0) {
      NativeMemory.copy(at, received, kept);
    }
  }

  private void take(long pdu) {
    switch (PduHeader.type(pdu)) {
      case PduHeader.C2H_DATA -> {
        if ((PduHeader.flags(pdu) & PduHeader.SUCCESS) != 0) {
          finish(C2hData.cccid(pdu));
        }
      }
      case PduHeader.CAPSULE_RESP -> {
        long cqe = pdu + CapsuleResp.CQE;
        if (Cqe.status(cqe) != 0) {
          throw new IllegalStateException("status 0x%x".formatted(Cqe.status(cqe)));
        }
        finish(Cqe.cid(cqe));
      }
      case PduHeader.R2T -> sendData(pdu);
      default -> throw new IllegalStateException("PDU of type " + PduHeader.type(pdu));
    }
  }

  private void finish(int slot) {
    done[doneTail++ & done.length - 1] = slot;
  }

  private void sendData(long r2t) {
    long offset = R2t.r2to(r2t);
    long end = offset + R2t.r2tl(r2t);
    while (offset < end) {
      int bytes = (int) Math.min(maxH2cBytes, end - offset);
      int flags = offset + bytes == end ? PduHeader.LAST_PDU : 0;
      PduHeader.init(
          h2c, PduHeader.H2C_DATA, flags, H2cData.SIZE, H2cData.SIZE, H2cData.SIZE + bytes);
      H2cData.cccid(h2c, R2t.cccid(r2t));
      H2cData.ttag(h2c, R2t.ttag(r2t));
      H2cData.datao(h2c, offset);
      H2cData.datal(h2c, bytes);
      stream.send(h2c, H2cData.SIZE + bytes);
      offset += bytes;
    }
  }

  @Override
  public void close() {
    stream.close();
    if (admin != null) {
      admin.close();
    }
    arena.close();
  }
}

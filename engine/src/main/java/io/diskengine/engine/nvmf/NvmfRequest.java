package io.diskengine.engine.nvmf;

import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.BdevIoOwner;
import io.diskengine.engine.reactor.IoBufferPool;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.reactor.Task;
import io.diskengine.nvme.AdminOpcode;
import io.diskengine.nvme.FabricsCommand;
import io.diskengine.nvme.NativeMemory;
import io.diskengine.nvme.NvmeStatus;
import io.diskengine.nvme.Sgl;
import io.diskengine.nvme.Sqe;
import org.jspecify.annotations.Nullable;

/**
 * One command on a connection, pooled: its submission queue entry, data buffer, device I/O and the
 * memory of the PDUs that it sends. Belongs to the connection's reactor; while {@link
 * State#AT_HOME} to the home reactor, which executes admin and fabrics commands.
 *
 * <pre>
 *   slot memory: 0 SQE | 64 response | 96 R2T | 128 C2HData and padding | 256 iovec | 272 digest
 * </pre>
 */
final class NvmfRequest extends Task implements BdevIoOwner, Outbound.Owner {
  static final int SLOT_BYTES = 320;
  private static final int RESPONSE = 64;
  private static final int R2T = 96;
  private static final int C2H = 128;
  private static final int IOV = 256;
  private static final int DIGEST = 272;

  /** Where the command is; what is not at a device or at home can be dropped at once. */
  enum State {
    FREE,
    /** Its data arrive, or are about to. */
    TRANSFER,
    /** Waits for a buffer. */
    BUFFER,
    /** Waits until the connection may ask for more data. */
    R2T_QUEUED,
    /** At the device. */
    EXECUTING,
    AT_HOME,
    /** Its answer is on the way. */
    RESPONDING
  }

  final TcpConnection connection;
  final int slot;
  final long sqe;
  final long response;
  final long r2t;
  final long c2h;
  final long iov;
  final long digest;
  final BdevIo io = new BdevIo(this);
  final Outbound answer = new Outbound(this);
  final Outbound ready = new Outbound(this);
  final IoBufferPool.Waiter waiter =
      new IoBufferPool.Waiter() {
        @Override
        protected void granted(long address) {
          buffer = address;
          connection.bufferGranted(NvmfRequest.this);
        }
      };

  State state = State.FREE;
  @Nullable NvmfRequest next;

  /** The data buffer, 0 for none; {@code dataBytes} of it are the command's. */
  long buffer;

  int dataBytes;
  boolean inCapsule;

  /** Bytes of the data that have arrived. */
  int received;

  boolean digestFailed;

  /** Decided before execution: the answer to an SGL that cannot be served. */
  int refusal;

  /** Range of a Dataset Management command. */
  int range;

  SubsystemGroup.@Nullable Entry namespace;

  /** How it ended: status as in {@link NvmeStatus}, and dwords 0 and 1 of the completion. */
  int status;

  long result;

  /** What a successful Connect brought, applied before its answer is sent. */
  @Nullable Connected connected;

  private boolean returning;

  /** The connection's queue, as the home reactor established it. */
  record Connected(Controller controller, int qid, int sqsize) {}

  NvmfRequest(TcpConnection connection, int slot, long memory) {
    this.connection = connection;
    this.slot = slot;
    sqe = memory;
    response = memory + RESPONSE;
    r2t = memory + R2T;
    c2h = memory + C2H;
    iov = memory + IOV;
    digest = memory + DIGEST;
  }

  /** Takes the command of a capsule that carries {@code capsuleBytes} of data. */
  void begin(long command, long capsuleBytes) {
    NativeMemory.copy(command, sqe, Sqe.SIZE);
    buffer = 0;
    dataBytes = 0;
    inCapsule = false;
    received = 0;
    digestFailed = false;
    status = 0;
    result = 0;
    range = 0;
    namespace = null;
    connected = null;
    refusal = planTransfer(capsuleBytes);
    if (refusal != 0) {
      dataBytes = 0;
      inCapsule = false;
    }
  }

  private int planTransfer(long capsuleBytes) {
    if (Sqe.fuse(sqe) != Sqe.FUSE_NONE || Sqe.psdt(sqe) == Sqe.PSDT_PRP) {
      return NvmeStatus.INVALID_FIELD | NvmeStatus.DNR;
    }
    int transfer = transfer();
    long sgl = sqe + Sqe.SGL1;
    long length = Sgl.length(sgl);
    if (transfer == AdminOpcode.TRANSFER_NONE || length == 0) {
      return 0;
    }
    if (transfer == AdminOpcode.TRANSFER_BIDIRECTIONAL) {
      return NvmeStatus.INVALID_OPCODE | NvmeStatus.DNR;
    }
    switch (Sgl.identifier(sgl)) {
      case Sgl.TRANSPORT -> {
        if (length > connection.options().maxIoSize()) {
          return NvmeStatus.INVALID_FIELD | NvmeStatus.DNR;
        }
      }
      case Sgl.IN_CAPSULE -> {
        if (transfer != AdminOpcode.TRANSFER_HOST_TO_CONTROLLER) {
          return NvmeStatus.SGL_DESCRIPTOR_TYPE_INVALID | NvmeStatus.DNR;
        }
        if (Sgl.address(sgl) != 0) {
          return NvmeStatus.INVALID_SGL_OFFSET | NvmeStatus.DNR;
        }
        if (length > capsuleBytes) {
          return NvmeStatus.DATA_SGL_LENGTH_INVALID | NvmeStatus.DNR;
        }
        inCapsule = true;
      }
      default -> {
        return NvmeStatus.SGL_DESCRIPTOR_TYPE_INVALID | NvmeStatus.DNR;
      }
    }
    dataBytes = (int) length;
    return 0;
  }

  /** Which way the data move, {@code AdminOpcode.TRANSFER_}. */
  int transfer() {
    int opcode = Sqe.opcode(sqe);
    return AdminOpcode.transfer(isFabrics() ? FabricsCommand.fctype(sqe) : opcode);
  }

  /** A read moves less than its SGL has room for. */
  void shorten(int bytes) {
    connection.shortened(dataBytes - bytes);
    dataBytes = bytes;
  }

  SubsystemOptions subsystemOptions() {
    Connected queue = connection.queue();
    if (queue == null) {
      throw new IllegalStateException("an I/O command without a queue");
    }
    return queue.controller().subsystem().options();
  }

  boolean isFabrics() {
    return Sqe.opcode(sqe) == AdminOpcode.FABRIC;
  }

  boolean toHost() {
    return transfer() == AdminOpcode.TRANSFER_CONTROLLER_TO_HOST;
  }

  /** Hands the command to the home reactor. */
  void goHome(Reactor home) {
    state = State.AT_HOME;
    if (home.isCurrent()) {
      run();
    } else {
      Reactor.current().send(home, this);
    }
  }

  /** On the home reactor: the answer, once. */
  void completeAtHome(int status, long result) {
    this.status = status;
    this.result = result;
    if (connection.reactor().isCurrent()) {
      connection.returned(this);
    } else {
      returning = true;
      Reactor.current().send(connection.reactor(), this);
    }
  }

  void completeAtHome(int status) {
    completeAtHome(status, 0);
  }

  @Override
  protected void run() {
    if (returning) {
      returning = false;
      connection.returned(this);
    } else {
      connection.target().execute(this);
    }
  }

  @Override
  public void completed(BdevIo done) {
    NvmCommands.completed(this, done.status());
  }

  @Override
  public void sent(Outbound outbound) {
    if (outbound == answer) {
      connection.answered(this);
    }
  }
}

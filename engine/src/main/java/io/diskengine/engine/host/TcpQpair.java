package io.diskengine.engine.host;

import io.diskengine.engine.host.QpairRequest.Transfer;
import io.diskengine.engine.linux.Errno;
import io.diskengine.engine.linux.MemoryCalls;
import io.diskengine.engine.reactor.OpCompletion;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.reactor.Task;
import io.diskengine.engine.reactor.Timer;
import io.diskengine.nvme.AdminOpcode;
import io.diskengine.nvme.C2hData;
import io.diskengine.nvme.CapsuleResp;
import io.diskengine.nvme.ConnectCommand;
import io.diskengine.nvme.ConnectData;
import io.diskengine.nvme.ConnectResponse;
import io.diskengine.nvme.Cqe;
import io.diskengine.nvme.FabricsCommand;
import io.diskengine.nvme.FabricsCommandType;
import io.diskengine.nvme.IcReq;
import io.diskengine.nvme.IcResp;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;
import io.diskengine.nvme.NvmeStatus;
import io.diskengine.nvme.PduCheck;
import io.diskengine.nvme.PduHeader;
import io.diskengine.nvme.R2t;
import io.diskengine.nvme.Sgl;
import io.diskengine.nvme.Sqe;
import io.diskengine.nvme.TermReq;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * One NVMe/TCP connection, which is one queue pair: connects, sends commands, receives answers.
 * Belongs to one reactor; never blocks.
 *
 * <p>Bounds: commands by the slots; nothing is sent that no slot holds.
 *
 * <p>The end ({@link #close}): the socket is shut down; when the kernel holds nothing of it any
 * more, its descriptor is closed and every outstanding request handed back, in the order of
 * submission. Only then may a command be sent again elsewhere, or its buffers be used.
 */
final class TcpQpair {
  static final int MOST_SLOTS = 128;
  static final int MOST_IN_CAPSULE_BYTES = 8192;
  private static final int ADMIN_IN_CAPSULE_BYTES = 8192;

  /** What an R2T or a request may name; a command's data is bounded by MDTS far below. */
  static final int MOST_DATA_BYTES = 1 << 30;

  /** What a queue pair is connected to and how; one limit for connect(2), one for what follows. */
  record Target(
      InetSocketAddress peer,
      @Nullable InetSocketAddress local,
      String subnqn,
      String hostnqn,
      UUID hostid,
      int ackTimeoutMs,
      long tcpConnectNs,
      long deadlineNs) {}

  /** Which queue of which controller. */
  record Queue(int qid, int cntlid, int depth, int inCapsuleBytes, long keepAliveMs) {
    static Queue admin(long keepAliveMs) {
      return new Queue(
          0, ConnectData.CNTLID_DYNAMIC, AdminQueue.DEPTH, ADMIN_IN_CAPSULE_BYTES, keepAliveMs);
    }
  }

  /** Hears of the connection; never called inside {@link #submit} or {@link #close}. */
  interface Owner {
    /** Connect was answered: commands may be sent. */
    void connected(TcpQpair qpair);

    /** A slot became free. */
    default void slotFreed(TcpQpair qpair) {}

    /** The connection is dead; {@code outstanding} requests are the owner's to hand back. */
    void closed(TcpQpair qpair, String reason, List<QpairRequest> outstanding);
  }

  private enum Life {
    CONNECTING,
    IC_WAIT,
    CONNECT_WAIT,
    READY,
    CLOSING,
    CLOSED
  }

  private final Reactor reactor;
  private final Target target;
  private final Queue queue;
  private final Owner owner;
  private final int fd;
  private final long memory;
  private final int memoryBytes;
  private final long connectData;
  private final CommandSlot[] slots;
  private final CommandSlot icReq;
  private final SendQueue sendQueue;
  private final PduStream stream;
  private final OpCompletion connectDone = this::tcpConnected;
  private final Timer deadline = Timer.of(() -> close("no answer within the deadline"));

  private Life life = Life.CONNECTING;
  private String reason = "";
  private int cntlid;
  private @Nullable CommandSlot freeHead;
  private int freeSlots;
  private long sequence;
  private long connectHandle;
  private boolean connecting;
  private int alignment = 4;
  private int maxH2cDataBytes;

  /** Starts to connect; {@link Owner#connected} or {@link Owner#closed} tells how it went. */
  TcpQpair(Reactor reactor, Target target, Queue queue, Owner owner) {
    this.reactor = reactor;
    this.target = target;
    this.queue = queue;
    this.owner = owner;
    int depth = Math.min(queue.depth(), MOST_SLOTS);
    int stagingBytes = queue.qid() == 0 ? 8 << 10 : 64 << 10;
    int iovBytes = SendQueue.IOVECS * Iovec.SIZE;
    memoryBytes =
        (depth + 1) * CommandSlot.BYTES + iovBytes + ConnectData.SIZE + Iovec.SIZE + stagingBytes;
    memory = MemoryCalls.mapAnonymous(memoryBytes);
    slots = new CommandSlot[depth];
    for (int i = depth - 1; i >= 0; i--) {
      slots[i] = new CommandSlot(i, memory + (long) i * CommandSlot.BYTES);
      slots[i].next = freeHead;
      freeHead = slots[i];
    }
    freeSlots = depth;
    icReq = new CommandSlot(depth, memory + (long) depth * CommandSlot.BYTES);
    long rest = memory + (long) (depth + 1) * CommandSlot.BYTES;
    connectData = rest + iovBytes;
    long staging = connectData + ConnectData.SIZE + Iovec.SIZE;
    fd = reactor.kernel().streamSocket(target.peer(), target.local());
    sendQueue = new SendQueue(reactor, fd, rest, this);
    stream = new PduStream(this, reactor, fd, staging, stagingBytes);
    if (fd < 0) {
      close("socket: " + failure(fd));
      return;
    }
    reactor.kernel().tuneStream(fd, target.ackTimeoutMs());
    reactor.schedule(deadline, target.tcpConnectNs());
    connecting = true;
    connectHandle = reactor.connect(fd, target.peer(), connectDone);
  }

  static String failure(int result) {
    return result == 0 ? "end of stream" : Errno.text(result);
  }

  int cntlid() {
    return cntlid;
  }

  Queue queue() {
    return queue;
  }

  boolean ready() {
    return life == Life.READY;
  }

  boolean closed() {
    return life == Life.CLOSED;
  }

  int freeSlots() {
    return freeSlots;
  }

  int outstanding() {
    return slots.length - freeSlots;
  }

  // ---- commands

  /** A slot with a fresh SQE; the caller has seen that one is free. */
  CommandSlot take(QpairRequest request) {
    CommandSlot slot = freeHead;
    if (slot == null) {
      throw new IllegalStateException("no free slot of " + slots.length);
    }
    freeHead = slot.next;
    freeSlots--;
    slot.take(request);
    slot.sequence = sequence++;
    slot.submittedAtNs = reactor.nowNs();
    return slot;
  }

  /** Sends the command whose SQE was filled in; the data pointer is set here. */
  void submit(CommandSlot slot) {
    QpairRequest request = slot.request();
    long sgl = slot.sqe() + Sqe.SGL1;
    boolean inCapsule =
        request.transfer == Transfer.TO_CONTROLLER && request.dataBytes <= queue.inCapsuleBytes();
    int inCapsuleBytes = inCapsule ? request.dataBytes : 0;
    if (inCapsule) {
      Sgl.inCapsule(sgl, 0, inCapsuleBytes);
    } else {
      Sgl.transport(sgl, request.transfer == Transfer.NONE ? 0 : request.dataBytes);
    }
    slot.granted = inCapsule ? request.dataBytes : 0;
    slot.prepareCapsule(alignment, inCapsuleBytes);
    sendQueue.add(slot);
  }

  /** When the oldest request that {@code counts} was submitted; {@link Long#MAX_VALUE} if none. */
  long oldestNs(Predicate<QpairRequest> counts) {
    long oldest = Long.MAX_VALUE;
    for (CommandSlot slot : slots) {
      if (slot.request != null && counts.test(slot.request)) {
        oldest = Math.min(oldest, slot.submittedAtNs);
      }
    }
    return oldest;
  }

  void pduSent(CommandSlot slot) {
    if (slot == icReq) {
      return;
    }
    if (slot.answered) {
      finish(slot);
    } else if (slot.prepareData(alignment, maxH2cDataBytes)) {
      sendQueue.add(slot);
    } else if (slot.nextGrantBytes > 0) {
      sendGranted(slot, slot.nextTtag, slot.nextGrantBytes);
    }
  }

  private void sendGranted(CommandSlot slot, int ttag, int bytes) {
    slot.grant(ttag, bytes);
    if (slot.prepareData(alignment, maxH2cDataBytes)) {
      sendQueue.add(slot);
    }
  }

  private void answer(CommandSlot slot) {
    slot.answered = true;
    if (!slot.sending) {
      finish(slot);
    }
  }

  private void finish(CommandSlot slot) {
    long cqe = slot.cqe();
    int status = Cqe.statusField(cqe) >>> 1;
    QpairRequest request = slot.request();
    if (status == 0
        && request.transfer == Transfer.FROM_CONTROLLER
        && slot.received != request.dataBytes) {
      status = NvmeStatus.DATA_TRANSFER_ERROR;
    }
    slot.release();
    slot.next = freeHead;
    freeHead = slot;
    freeSlots++;
    request.completed(status, cqe);
    if (life == Life.READY) {
      owner.slotFreed(this);
    }
  }

  // ---- connecting

  private void tcpConnected(int result) {
    connecting = false;
    if (life == Life.CLOSING) {
      opReturned();
    } else if (result < 0) {
      close("connect: " + failure(result));
    } else {
      life = Life.IC_WAIT;
      reactor.schedule(deadline, target.deadlineNs());
      long pdu = icReq.sqe() - PduHeader.SIZE;
      NativeMemory.zero(pdu, IcReq.SIZE);
      PduHeader.init(pdu, PduHeader.IC_REQ, 0, IcReq.SIZE, 0, IcReq.SIZE);
      icReq.preparePdu(IcReq.SIZE);
      sendQueue.add(icReq);
      stream.receive();
    }
  }

  private void icResp(long pdu) {
    long most = IcResp.maxh2cdata(pdu);
    if (life != Life.IC_WAIT
        || IcResp.pfv(pdu) != 0
        || IcResp.dgst(pdu) != 0
        || IcResp.cpda(pdu) > IcResp.CPDA_MAX
        || most < IcResp.MAXH2CDATA_MIN
        || most % 4 != 0) {
      close("unacceptable ICResp");
      return;
    }
    alignment = (IcResp.cpda(pdu) + 1) * 4;
    maxH2cDataBytes = (int) Math.min(most, MOST_DATA_BYTES);
    life = Life.CONNECT_WAIT;
    ConnectData.hostid(connectData, target.hostid());
    ConnectData.cntlid(connectData, queue.cntlid());
    ConnectData.subnqn(connectData, target.subnqn());
    ConnectData.hostnqn(connectData, target.hostnqn());
    ConnectRequest request = new ConnectRequest();
    CommandSlot slot = take(request);
    long sqe = slot.sqe();
    Sqe.opcode(sqe, AdminOpcode.FABRIC);
    FabricsCommand.fctype(sqe, FabricsCommandType.CONNECT);
    ConnectCommand.qid(sqe, queue.qid());
    ConnectCommand.sqsize(sqe, slots.length - 1);
    ConnectCommand.kato(sqe, queue.keepAliveMs());
    submit(slot);
  }

  /** Connect, with its data in the queue pair's memory. */
  private final class ConnectRequest extends QpairRequest {
    ConnectRequest() {
      iov = connectData + ConnectData.SIZE;
      iovCount = 1;
      dataBytes = ConnectData.SIZE;
      transfer = Transfer.TO_CONTROLLER;
      Iovec.set(iov, 0, connectData, ConnectData.SIZE);
    }

    @Override
    void completed(int status, long cqe) {
      if (!NvmeStatus.isSuccess(status)) {
        close("Connect refused: " + NvmeStatus.fabricText(status));
      } else if (ConnectResponse.authreq(cqe) != 0) {
        close("the controller requires authentication, which is not supported");
      } else if (life == Life.CONNECT_WAIT) {
        cntlid = ConnectResponse.cntlid(cqe);
        life = Life.READY;
        reactor.cancel(deadline);
        owner.connected(TcpQpair.this);
      }
    }

    @Override
    void returned() {}
  }

  // ---- receiving

  /** Nothing that arrives is of use any more. */
  boolean ending() {
    return life == Life.CLOSING || life == Life.CLOSED;
  }

  boolean awaitsIcResp() {
    return life == Life.IC_WAIT;
  }

  /** The PDU's header is there; data of a C2HData follow. */
  void handle(long pdu) {
    switch (PduHeader.type(pdu)) {
      case PduHeader.IC_RESP -> icResp(pdu);
      case PduHeader.CAPSULE_RESP -> capsuleResp(pdu + CapsuleResp.CQE);
      case PduHeader.C2H_DATA -> c2hData(pdu);
      case PduHeader.R2T -> r2t(pdu);
      default -> close("terminated by the controller: " + TermReq.text(TermReq.fes(pdu)));
    }
  }

  /** The command that a PDU names, or null after the connection was given up. */
  private @Nullable CommandSlot slotOf(int cid, String pdu) {
    int index = CommandSlot.indexOf(cid);
    CommandSlot slot = index < slots.length ? slots[index] : null;
    if (slot == null || slot.request == null || slot.cid() != cid || slot.answered) {
      close(pdu + " for command identifier " + cid + ", which is not in use");
      return null;
    }
    return slot;
  }

  private void capsuleResp(long cqe) {
    CommandSlot slot = slotOf(Cqe.cid(cqe), "response");
    if (slot != null) {
      slot.keepAnswer(cqe);
      answer(slot);
    }
  }

  private void c2hData(long pdu) {
    CommandSlot slot = slotOf(C2hData.cccid(pdu), "data");
    if (slot == null) {
      return;
    }
    QpairRequest request = slot.request();
    long bytes = C2hData.datal(pdu);
    if (PduCheck.dataHeader(pdu) != PduCheck.OK
        || request.transfer != Transfer.FROM_CONTROLLER
        || C2hData.datao(pdu) != slot.received
        || slot.received + bytes > request.dataBytes) {
      close("data outside its command's buffer");
      return;
    }
    int skip = PduHeader.pdo(pdu) - PduHeader.hlen(pdu);
    boolean completes = (PduHeader.flags(pdu) & PduHeader.SUCCESS) != 0;
    stream.expectData(slot, (int) bytes, skip, completes);
  }

  /** All data of the slot's command arrived, and with them that it was successful. */
  void dataWasTheAnswer(CommandSlot slot) {
    slot.keepSuccess();
    answer(slot);
  }

  private void r2t(long pdu) {
    CommandSlot slot = slotOf(R2t.cccid(pdu), "R2T");
    if (slot == null) {
      return;
    }
    QpairRequest request = slot.request();
    long offset = R2t.r2to(pdu);
    long bytes = R2t.r2tl(pdu);
    if (request.transfer != Transfer.TO_CONTROLLER
        || offset != slot.granted
        || bytes == 0
        || !slot.allGrantedIsSent()
        || offset + bytes > request.dataBytes) {
      close("R2T outside its command's data, or a second one at a time");
      return;
    }
    if (slot.sending) { // the kernel has not told us yet that the last PDU is out
      slot.nextTtag = R2t.ttag(pdu);
      slot.nextGrantBytes = (int) bytes;
    } else {
      sendGranted(slot, R2t.ttag(pdu), (int) bytes);
    }
  }

  // ---- the end

  /** Gives the connection up; {@link Owner#closed} follows, later. */
  void close(String why) {
    if (ending()) {
      return;
    }
    life = Life.CLOSING;
    reason = why;
    reactor.cancel(deadline);
    sendQueue.close();
    if (fd >= 0) {
      reactor.kernel().shutdown(fd);
      if (connecting) {
        reactor.cancel(connectHandle);
      }
    }
    opReturned();
  }

  /** The kernel gave back an operation of the dying connection. */
  void opReturned() {
    if (!connecting && !stream.receiving() && !sendQueue.sending()) {
      reactor.defer(Task.of(this::finishClose));
    }
  }

  private void finishClose() {
    if (life != Life.CLOSING) {
      return;
    }
    life = Life.CLOSED;
    if (fd >= 0) {
      reactor.kernel().close(fd);
    }
    List<CommandSlot> busy = new ArrayList<>();
    for (CommandSlot slot : slots) {
      if (slot.request != null) {
        busy.add(slot);
      }
    }
    busy.sort(Comparator.comparingLong(slot -> slot.sequence));
    List<QpairRequest> outstanding = busy.stream().map(CommandSlot::release).toList();
    MemoryCalls.munmap(memory, memoryBytes);
    owner.closed(this, reason, outstanding);
  }

  @Override
  public String toString() {
    return "queue " + queue.qid() + " of " + target.subnqn() + " at " + target.peer();
  }
}

package io.diskengine.engine.host;

import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.reactor.Task;
import io.diskengine.nvme.AdminOpcode;
import io.diskengine.nvme.Cqe;
import io.diskengine.nvme.FabricsCommand;
import io.diskengine.nvme.FabricsCommandType;
import io.diskengine.nvme.GetLogPageCommand;
import io.diskengine.nvme.IdentifyCommand;
import io.diskengine.nvme.NvmeStatus;
import io.diskengine.nvme.PropertyCommand;
import io.diskengine.nvme.Sqe;
import java.util.ArrayDeque;
import java.util.List;
import java.util.function.LongConsumer;

/**
 * The admin queue of one connection to a controller: commands with callbacks, asynchronous events,
 * keep-alive. Home reactor. Commands above the queue's depth wait here, in order.
 */
final class AdminQueue implements TcpQpair.Owner, PeerWatch.Asker {
  static final int DEPTH = 32;
  static final int MOST_ASYNC_EVENTS = 4;

  /** What becomes of the connection. */
  interface Owner {
    void connected();

    void asyncEvent(int dw0);

    void closed(String reason);
  }

  /** The end of a command that had no data to read. */
  interface Answer {
    /** {@code status} as in {@link NvmeStatus}; {@code result} is dw0 and dw1. */
    void done(int status, long result);
  }

  private final Reactor reactor;
  private final AdminBuffers buffers;
  private final Liveness liveness;
  private final Owner owner;
  private final TcpQpair qpair;
  private final ArrayDeque<AdminRequest> waiting = new ArrayDeque<>();
  private long keepAliveSentNs;
  private boolean keepAliveOut;

  /** Event requests on the wire: the only commands that may stay unanswered for ever. */
  private int eventsOut;

  AdminQueue(NvmeHost host, TcpQpair.Target target, long keepAliveMs, Owner owner) {
    this.reactor = host.home();
    this.buffers = host.buffers();
    this.liveness = host.liveness();
    this.owner = owner;
    this.keepAliveSentNs = reactor.nowNs();
    this.qpair = new TcpQpair(reactor, target, TcpQpair.Queue.admin(keepAliveMs), this);
  }

  int cntlid() {
    return qpair.cntlid();
  }

  void close(String reason) {
    qpair.close(reason);
  }

  boolean closed() {
    return qpair.closed();
  }

  // ---- commands

  void propertyGet(int offset, boolean eightBytes, Answer answer) {
    AdminRequest request = new AdminRequest(AdminOpcode.FABRIC, answer);
    request.prepare =
        sqe -> {
          FabricsCommand.fctype(sqe, FabricsCommandType.PROPERTY_GET);
          PropertyCommand.size(sqe, eightBytes ? PropertyCommand.SIZE_8 : PropertyCommand.SIZE_4);
          PropertyCommand.ofst(sqe, offset);
        };
    send(request);
  }

  void propertySet(int offset, int value, Answer answer) {
    AdminRequest request = new AdminRequest(AdminOpcode.FABRIC, answer);
    request.prepare =
        sqe -> {
          FabricsCommand.fctype(sqe, FabricsCommandType.PROPERTY_SET);
          PropertyCommand.ofst(sqe, offset);
          PropertyCommand.value(sqe, value & 0xffff_ffffL);
        };
    send(request);
  }

  void setFeature(int fid, int value, Answer answer) {
    AdminRequest request = new AdminRequest(AdminOpcode.SET_FEATURES, answer);
    request.prepare =
        sqe -> {
          Sqe.cdw10(sqe, fid);
          Sqe.cdw11(sqe, value);
        };
    send(request);
  }

  void abort(int sqid, int cid, Answer answer) {
    AdminRequest request = new AdminRequest(AdminOpcode.ABORT, answer);
    request.prepare = sqe -> Sqe.cdw10(sqe, sqid | cid << 16);
    send(request);
  }

  /** {@code read} gets the address of {@link IdentifyCommand#DATA_SIZE} bytes, 0 on failure. */
  void identify(int cns, int csi, int nsid, LongConsumer read) {
    AdminRequest request = reader(AdminOpcode.IDENTIFY, IdentifyCommand.DATA_SIZE, read);
    request.prepare =
        sqe -> {
          Sqe.nsid(sqe, nsid);
          IdentifyCommand.cns(sqe, cns);
          IdentifyCommand.csi(sqe, csi);
        };
    send(request);
  }

  /** {@code read} gets the address of {@code bytes} of the page, 0 on failure. */
  void logPage(int lid, int bytes, LongConsumer read) {
    AdminRequest request = reader(AdminOpcode.GET_LOG_PAGE, bytes, read);
    request.prepare =
        sqe -> {
          Sqe.nsid(sqe, Sqe.NSID_BROADCAST);
          GetLogPageCommand.lid(sqe, lid);
          GetLogPageCommand.lengthBytes(sqe, bytes);
        };
    send(request);
  }

  void requestAsyncEvent() {
    AdminRequest request =
        new AdminRequest(
            AdminOpcode.ASYNC_EVENT_REQUEST,
            (status, result) -> {
              eventsOut--;
              if (NvmeStatus.isSuccess(status)) {
                requestAsyncEvent();
                owner.asyncEvent((int) result);
              }
            });
    request.kind = Kind.EVENT;
    send(request);
  }

  private AdminRequest reader(int opcode, int bytes, LongConsumer read) {
    long iovec = buffers.take(bytes);
    AdminRequest request =
        new AdminRequest(
            opcode,
            (status, result) -> {
              read.accept(NvmeStatus.isSuccess(status) ? AdminBuffers.data(iovec) : 0);
              buffers.give(iovec);
            });
    request.iov = iovec;
    request.iovCount = 1;
    request.dataBytes = bytes;
    request.transfer = QpairRequest.Transfer.FROM_CONTROLLER;
    return request;
  }

  private void send(AdminRequest request) {
    if (qpair.closed()) {
      reactor.defer(Task.of(request::returned));
    } else {
      if (request.kind == Kind.COMMAND) {
        liveness.soon();
      }
      waiting.add(request);
      pump();
    }
  }

  private void pump() {
    while (qpair.ready() && qpair.freeSlots() > 0) {
      AdminRequest request = waiting.poll();
      if (request == null) {
        return;
      }
      CommandSlot slot = qpair.take(request);
      Sqe.opcode(slot.sqe(), request.opcode);
      request.prepare.accept(slot.sqe());
      eventsOut += request.kind == Kind.EVENT ? 1 : 0;
      qpair.submit(slot);
    }
  }

  /** What deadline a command has; an event request has none. */
  private enum Kind {
    COMMAND,
    KEEP_ALIVE,
    EVENT
  }

  private static boolean isOf(QpairRequest request, Kind kind) {
    return request instanceof AdminRequest admin && admin.kind == kind;
  }

  /** An admin command under way, or waiting for a slot. */
  private static final class AdminRequest extends QpairRequest {
    final int opcode;
    private final Answer answer;
    LongConsumer prepare = sqe -> {};

    Kind kind = Kind.COMMAND;

    AdminRequest(int opcode, Answer answer) {
      this.opcode = opcode;
      this.answer = answer;
    }

    @Override
    void completed(int status, long cqe) {
      answer.done(status, Cqe.dw0(cqe) & 0xffff_ffffL | (long) Cqe.dw1(cqe) << 32);
    }

    @Override
    void returned() {
      answer.done(NvmeStatus.ABORTED_SQ_DELETION, 0);
    }
  }

  // ---- liveness

  @Override
  public long keepAliveSentNs() {
    return keepAliveSentNs;
  }

  @Override
  public boolean keepAliveIsOut() {
    return keepAliveOut;
  }

  /** Whether commands can be sent. */
  boolean ready() {
    return qpair.ready();
  }

  /** Whether it is connected and nothing but events and a keep-alive is out. */
  boolean quiet() {
    return ready()
        && waiting.isEmpty()
        && qpair.outstanding() == eventsOut + (keepAliveOut ? 1 : 0);
  }

  /** Gives up a connection whose answers are overdue. */
  void checkDeadlines(long deadlineNs) {
    if (qpair.outstanding() == eventsOut) {
      return;
    }
    long now = reactor.nowNs();
    if (now - qpair.oldestNs(r -> isOf(r, Kind.KEEP_ALIVE)) > NvmeHost.KEEP_ALIVE_DEADLINE_NS) {
      close("no answer to keep-alive");
    } else if (now - qpair.oldestNs(r -> isOf(r, Kind.COMMAND)) > deadlineNs) {
      close("no answer to an admin command within " + deadlineNs / 1_000_000 + " ms");
    }
  }

  void keepAlive() {
    keepAliveSentNs = reactor.nowNs();
    keepAliveOut = true;
    liveness.keepAliveSent();
    AdminRequest request =
        new AdminRequest(
            AdminOpcode.KEEP_ALIVE,
            (status, result) -> {
              keepAliveOut = false;
              liveness.keepAliveEnded();
              if (!NvmeStatus.isSuccess(status)) {
                close("keep-alive refused: " + NvmeStatus.describe(status));
              }
            });
    request.kind = Kind.KEEP_ALIVE;
    send(request);
  }

  // ---- the connection

  @Override
  public void connected(TcpQpair connected) {
    owner.connected();
    pump();
  }

  @Override
  public void slotFreed(TcpQpair from) {
    pump();
  }

  @Override
  public void closed(TcpQpair dead, String reason, List<QpairRequest> outstanding) {
    outstanding.forEach(QpairRequest::returned);
    while (!waiting.isEmpty()) {
      waiting.remove().returned();
    }
    owner.closed(reason);
  }
}

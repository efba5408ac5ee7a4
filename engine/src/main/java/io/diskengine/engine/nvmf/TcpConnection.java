package io.diskengine.engine.nvmf;

import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.linux.MemoryCalls;
import io.diskengine.engine.nvmf.NvmfRequest.State;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.reactor.Timer;
import io.diskengine.nvme.H2cData;
import io.diskengine.nvme.IcReq;
import io.diskengine.nvme.IcResp;
import io.diskengine.nvme.NvmeStatus;
import io.diskengine.nvme.PduCheck;
import io.diskengine.nvme.PduHeader;
import io.diskengine.nvme.Sqe;
import io.diskengine.nvme.TermReq;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One NVMe/TCP connection, which is one queue pair: receives PDUs, holds the commands, sends the
 * answers. Belongs to one reactor.
 *
 * <p>Bounds: commands by the queue's size, data on the way to the host by {@link
 * #RESPONSE_LIMIT_BYTES} (then no further capsule is parsed), data asked for by {@link
 * #R2T_LIMIT_BYTES} (then writes wait their turn).
 *
 * <p>The end: {@link #close} shuts the socket down; nothing is sent any more. When the kernel holds
 * nothing of the connection, no device and no admin command works for it, the descriptor is closed
 * and the home reactor told: from then on nothing of it has any effect.
 */
final class TcpConnection implements Outbound.Owner {
  static final int RESPONSE_LIMIT_BYTES = 4 << 20;
  static final int R2T_LIMIT_BYTES = 2 << 20;

  /** From accept to the answer of Connect. */
  static final long CONNECT_TIMEOUT_NS = 30_000_000_000L;

  /** How long the peer has to read a TermReq. */
  static final long LINGER_NS = 1_000_000_000L;

  /** Commands before the queue's size is known. */
  private static final int UNCONNECTED_COMMANDS = 4;

  /** Memory of the ICResp, then of a TermReq. */
  private static final int CONTROL_BYTES = 256;

  private enum Life {
    IC_WAIT,
    OPEN,
    /** A TermReq was sent; what arrives is thrown away. */
    TERMINATED,
    CLOSING,
    CLOSED
  }

  private final PollGroup group;
  private final Reactor reactor;
  private final int fd;
  private final Listener listener;
  private final InetSocketAddress peer;
  private final TransportOptions options;
  private final long memory;
  private final int memoryBytes;
  private final long control;
  private final long slots;
  private final SendQueue sendQueue;
  private final PduReceiver receiver;
  private final PduWriter writer;
  private final List<NvmfRequest> requests = new ArrayList<>();
  private final Outbound icResp = new Outbound(this);
  private final Outbound termReq = new Outbound(this);
  private final Timer timeout = Timer.of(this::close);

  private Life life = Life.IC_WAIT;

  private @Nullable NvmfRequest free;
  private int inUse;
  private int responding;
  private int busy;
  private int responseBytes;
  private int r2tBytes;
  private @Nullable NvmfRequest r2tHead;
  private @Nullable NvmfRequest r2tTail;

  private int sqsize;
  private int sqhd;
  private NvmfRequest.@Nullable Connected queue;
  private @Nullable SubsystemGroup subsystemGroup;
  private boolean swept;

  /** Where the home reactor has put the connection; the home reactor's. */
  @Nullable Controller homeController;

  int homeQid;

  TcpConnection(PollGroup group, int fd, Listener listener, InetSocketAddress peer) {
    this.group = group;
    this.reactor = group.reactor();
    this.fd = fd;
    this.listener = listener;
    this.peer = peer;
    this.options = listener.options();
    int depth = Math.max(options.maxQueueDepth(), options.maxAqDepth());
    int iovBytes = SendQueue.IOVECS * 16;
    memoryBytes =
        PduReceiver.STAGING_BYTES + iovBytes + CONTROL_BYTES + depth * NvmfRequest.SLOT_BYTES;
    memory = MemoryCalls.mapAnonymous(memoryBytes);
    long iov = memory + PduReceiver.STAGING_BYTES;
    control = iov + iovBytes;
    slots = control + CONTROL_BYTES;
    sendQueue = new SendQueue(reactor, fd, iov, this::close, this::finishClose);
    receiver = new PduReceiver(this, fd, memory, options, group.crc());
    writer = new PduWriter(group.crc());
    sqsize = UNCONNECTED_COMMANDS - 1;
  }

  Reactor reactor() {
    return reactor;
  }

  NvmfTarget target() {
    return group.target();
  }

  TransportOptions options() {
    return options;
  }

  Listener listener() {
    return listener;
  }

  InetSocketAddress peer() {
    return peer;
  }

  NvmfRequest.@Nullable Connected queue() {
    return queue;
  }

  @Nullable SubsystemGroup subsystemGroup() {
    return subsystemGroup;
  }

  void start() {
    reactor.kernel().tuneStream(fd, options.ackTimeoutMs());
    reactor.schedule(timeout, CONNECT_TIMEOUT_NS);
    receiver.receive();
  }

  // ---- what the receiver asks and brings

  boolean awaitsIcReq() {
    return life == Life.IC_WAIT;
  }

  boolean takesPdus() {
    return life == Life.IC_WAIT || life == Life.OPEN;
  }

  boolean terminated() {
    return life == Life.TERMINATED;
  }

  boolean closing() {
    return life == Life.CLOSING || life == Life.CLOSED;
  }

  /** The host was asked for data that have not arrived. */
  boolean expectsData() {
    return r2tBytes > 0;
  }

  /** Whether one more command may begin; a host that sends too many is cut off. */
  boolean mayAccept() {
    if (inUse <= sqsize) {
      return responseBytes < RESPONSE_LIMIT_BYTES;
    }
    // A host may answer a response before its send operation returned here.
    if (inUse - responding > sqsize) {
      close();
    }
    return false;
  }

  void icReq(long pdu) {
    if (IcReq.pfv(pdu) != 0) {
      terminate(TermReq.INVALID_HEADER_FIELD, IcReq.PFV, pdu);
      return;
    }
    if (IcReq.hpda(pdu) > IcReq.HPDA_MAX) {
      terminate(TermReq.INVALID_HEADER_FIELD, IcReq.HPDA, pdu);
      return;
    }
    int digests = IcReq.dgst(pdu) & (PduHeader.HDGSTF | PduHeader.DDGSTF);
    receiver.digests(digests);
    writer.negotiated(digests, (IcReq.hpda(pdu) + 1) * 4);
    life = Life.OPEN;
    int bytes = PduWriter.icResp(control, digests, options.maxIoSize());
    sendQueue.add(icResp.clear().add(control, bytes));
  }

  void capsule(long pdu, int capsuleBytes) {
    NvmfRequest request = takeRequest();
    sqhd = sqhd == sqsize ? 0 : sqhd + 1;
    request.begin(pdu + PduHeader.SIZE, capsuleBytes);
    request.state = State.TRANSFER;
    if (request.toHost()) {
      responseBytes += request.dataBytes;
    }
    if (capsuleBytes == 0) {
      proceed(request);
    } else if (!request.inCapsule) {
      receiver.receiveData(null, 0);
      proceed(request);
    } else {
      request.state = State.BUFFER;
      request.buffer = reactor.buffers().take(capsuleBytes, request.waiter);
      if (request.buffer != 0) {
        request.state = State.TRANSFER;
      }
      receiver.receiveData(request, request.buffer);
    }
  }

  private NvmfRequest takeRequest() {
    NvmfRequest request = free;
    if (request == null) {
      int slot = requests.size();
      request = new NvmfRequest(this, slot, slots + (long) slot * NvmfRequest.SLOT_BYTES);
      requests.add(request);
    } else {
      free = request.next;
      request.next = null;
    }
    inUse++;
    return request;
  }

  void h2cData(long pdu, int bytes) {
    long answer = PduCheck.dataHeader(pdu);
    int slot = H2cData.ttag(pdu);
    NvmfRequest request = slot < requests.size() ? requests.get(slot) : null;
    if (answer != PduCheck.OK) {
      terminate(PduCheck.fes(answer), PduCheck.fei(answer), pdu);
    } else if (request == null || request.state != State.TRANSFER || request.inCapsule) {
      terminate(TermReq.INVALID_HEADER_FIELD, H2cData.TTAG, pdu);
    } else if (H2cData.cccid(pdu) != Sqe.cid(request.sqe)) {
      terminate(TermReq.INVALID_HEADER_FIELD, H2cData.CCCID, pdu);
    } else if (H2cData.datao(pdu) != request.received
        || request.received + bytes > request.dataBytes) {
      terminate(TermReq.DATA_TRANSFER_OUT_OF_RANGE, 0, pdu);
    } else if ((PduHeader.flags(pdu) & PduHeader.LAST_PDU)
        != 0
        != (request.received + bytes == request.dataBytes)) {
      terminate(TermReq.INVALID_HEADER_FIELD, PduHeader.FLAGS, pdu);
    } else {
      receiver.receiveData(request, request.buffer + request.received);
    }
  }

  /** The data of one PDU have arrived in the command's buffer. */
  void dataArrived(NvmfRequest request, int bytes, boolean digestHolds) {
    request.digestFailed |= !digestHolds;
    request.received += bytes;
    if (request.inCapsule || request.received == request.dataBytes) {
      if (!request.inCapsule) {
        r2tBytes -= request.dataBytes;
        askForMore();
      }
      execute(request);
    }
  }

  // ---- the way of a command

  /** The capsule was received; its data, if they are not in it, were not. */
  private void proceed(NvmfRequest request) {
    if (request.refusal != 0) {
      complete(request, request.refusal, 0);
    } else if (request.dataBytes == 0) {
      execute(request);
    } else if (request.toHost()) {
      withBuffer(request);
    } else {
      request.state = State.R2T_QUEUED;
      if (r2tTail == null) {
        r2tHead = request;
      } else {
        r2tTail.next = request;
      }
      r2tTail = request;
      askForMore();
    }
  }

  /** Asks the host for the data of the writes whose turn it is. */
  private void askForMore() {
    for (NvmfRequest request = r2tHead;
        request != null && r2tBytes + request.dataBytes <= R2T_LIMIT_BYTES;
        request = r2tHead) {
      r2tHead = request.next;
      if (r2tHead == null) {
        r2tTail = null;
      }
      request.next = null;
      r2tBytes += request.dataBytes;
      withBuffer(request);
    }
  }

  private void withBuffer(NvmfRequest request) {
    request.state = State.BUFFER;
    request.buffer = reactor.buffers().take(request.dataBytes, request.waiter);
    if (request.buffer != 0) {
      buffered(request);
    }
  }

  private void buffered(NvmfRequest request) {
    if (request.toHost()) {
      execute(request);
    } else {
      request.state = State.TRANSFER;
      writer.r2t(request);
      sendQueue.add(request.ready);
    }
  }

  void bufferGranted(NvmfRequest request) {
    if (request.inCapsule) {
      request.state = State.TRANSFER;
      receiver.bufferGranted(request);
    } else {
      buffered(request);
    }
  }

  private void execute(NvmfRequest request) {
    if (request.digestFailed) {
      complete(request, NvmeStatus.COMMAND_TRANSIENT_TRANSPORT_ERROR, 0);
      return;
    }
    NvmfRequest.Connected connected = queue;
    busy++;
    if (request.isFabrics() || connected != null && connected.qid() == 0) {
      request.goHome(target().home());
    } else if (connected == null) {
      request.status = NvmeStatus.COMMAND_SEQUENCE_ERROR | NvmeStatus.DNR;
      returned(request);
    } else {
      request.state = State.EXECUTING;
      NvmCommands.execute(request);
    }
  }

  /** Executed: the request's status and result are set. */
  void returned(NvmfRequest request) {
    busy--;
    NvmfRequest.Connected connected = request.connected;
    if (connected != null && request.status == 0) {
      queue = connected;
      sqsize = connected.sqsize();
      sqhd = 1;
      subsystemGroup = connected.controller().subsystem().group(reactor.index());
      reactor.cancel(timeout);
      group.connected(connected.qid());
    }
    complete(request, request.status, request.result);
  }

  private void complete(NvmfRequest request, int status, long result) {
    if (life == Life.CLOSING) {
      release(request);
      finishClose();
      return;
    }
    request.state = State.RESPONDING;
    responding++;
    group.completed++;
    request.answer.clear();
    boolean withData = request.toHost() && request.dataBytes > 0 && status == 0;
    boolean implied = withData && options.c2hSuccess() && result == 0;
    if (withData) {
      writer.data(request, implied);
    }
    if (!implied) {
      writer.response(request, sqhd, status, result);
    }
    if (life == Life.OPEN) {
      sendQueue.add(request.answer);
    }
  }

  /** The answer was taken by the kernel: the slot is free. */
  void answered(NvmfRequest request) {
    responding--;
    release(request);
    receiver.unblock();
  }

  private void release(NvmfRequest request) {
    if (request.toHost()) {
      responseBytes -= request.dataBytes;
    }
    long buffer = request.buffer;
    request.buffer = 0;
    request.state = State.FREE;
    request.namespace = null;
    request.connected = null;
    request.next = free;
    free = request;
    inUse--;
    if (buffer != 0) {
      reactor.buffers().give(buffer);
    }
  }

  void shortened(int bytes) {
    responseBytes -= bytes;
  }

  /** Aborts the command with this identifier that is at a device; false when there is none. */
  boolean abort(int cid) {
    for (NvmfRequest request : requests) {
      if (request.state == State.EXECUTING && Sqe.cid(request.sqe) == cid) {
        SubsystemGroup.Entry namespace = request.namespace;
        if (namespace != null) {
          namespace.abort(request.io);
          return true;
        }
      }
    }
    return false;
  }

  // ---- the end

  /** Tells the host what is wrong with the PDU, then ends the connection. */
  void terminate(int fes, int fei, long pdu) {
    life = Life.TERMINATED;
    long at = control + IcResp.SIZE;
    int bytes = PduWriter.termReq(at, fes, fei, pdu, receiver.available(pdu));
    sendQueue.add(termReq.clear().add(at, bytes));
    reactor.schedule(timeout, LINGER_NS);
  }

  /** The ICResp or TermReq went out. */
  @Override
  public void sent(Outbound outbound) {}

  /** Ends the connection from this side; safe to call again. */
  void close() {
    if (closing()) {
      return;
    }
    life = Life.CLOSING;
    reactor.cancel(timeout);
    sendQueue.close();
    for (NvmfRequest request : requests) {
      if (request.state == State.BUFFER) {
        reactor.buffers().withdraw(request.waiter);
      }
    }
    reactor.kernel().shutdown(fd);
    BdevLayer.crossTo(target().home(), () -> target().connectionClosing(this));
    finishClose();
  }

  /** The rest of {@link #close}, once the kernel and the devices are done with it. */
  void finishClose() {
    if (life != Life.CLOSING || receiver.receiving() || sendQueue.sending()) {
      return;
    }
    if (!swept) {
      swept = true;
      for (NvmfRequest request : requests) {
        switch (request.state) {
          case TRANSFER, BUFFER, R2T_QUEUED, RESPONDING -> release(request);
          case FREE, EXECUTING, AT_HOME -> {}
        }
      }
    }
    if (busy > 0) {
      return;
    }
    life = Life.CLOSED;
    reactor.kernel().close(fd);
    MemoryCalls.munmap(memory, memoryBytes);
    group.closed(this);
    BdevLayer.crossTo(target().home(), () -> target().connectionClosed(this));
  }
}

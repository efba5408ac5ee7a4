package io.diskengine.engine.nvmf;

import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.linux.MemoryCalls;
import io.diskengine.engine.nvmf.NvmfRequest.State;
import io.diskengine.engine.reactor.OpCompletion;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.reactor.Timer;
import io.diskengine.nvme.C2hData;
import io.diskengine.nvme.CapsuleCmd;
import io.diskengine.nvme.CapsuleResp;
import io.diskengine.nvme.Cqe;
import io.diskengine.nvme.Crc32c;
import io.diskengine.nvme.H2cData;
import io.diskengine.nvme.IcReq;
import io.diskengine.nvme.IcResp;
import io.diskengine.nvme.NativeMemory;
import io.diskengine.nvme.NvmeStatus;
import io.diskengine.nvme.PduCheck;
import io.diskengine.nvme.PduHeader;
import io.diskengine.nvme.R2t;
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
  static final int STAGING_BYTES = 32 << 10;
  static final int RESPONSE_LIMIT_BYTES = 4 << 20;
  static final int R2T_LIMIT_BYTES = 2 << 20;

  /** From accept to the answer of Connect. */
  static final long CONNECT_TIMEOUT_NS = 30_000_000_000L;

  /** How long the peer has to read a TermReq. */
  static final long LINGER_NS = 1_000_000_000L;

  /** Shorter remainders of data come with what follows them, and are copied. */
  private static final int DIRECT_RECV_BYTES = 8192;

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

  private enum Phase {
    HEADER,
    DATA,
    DIGEST
  }

  private final PollGroup group;
  private final Reactor reactor;
  private final int fd;
  private final Listener listener;
  private final InetSocketAddress peer;
  private final TransportOptions options;
  private final long memory;
  private final int memoryBytes;
  private final long staging;
  private final long control;
  private final long slots;
  private final SendQueue sendQueue;
  private final List<NvmfRequest> requests = new ArrayList<>();
  private final Outbound icResp = new Outbound(this);
  private final Outbound termReq = new Outbound(this);
  private final OpCompletion received = this::received;
  private final Timer timeout = Timer.of(this::close);

  private Life life = Life.IC_WAIT;
  private Phase phase = Phase.HEADER;
  private boolean headerChecked;

  /** The header that is being handled. */
  private long current;

  /** A capsule waits for a slot, or for the host to take its data. */
  private boolean blocked;

  private int start;
  private int end;
  private boolean receiving;
  private boolean parsing;
  private boolean direct;

  private int digests;
  private int hostAlignment = 4;

  // the data of the PDU being received; no request: they are dropped
  private @Nullable NvmfRequest dataRequest;
  private long dataAddress;
  private int dataLeft;
  private int dataBytes;
  private boolean dataDigest;

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
    memoryBytes = STAGING_BYTES + iovBytes + CONTROL_BYTES + depth * NvmfRequest.SLOT_BYTES;
    memory = MemoryCalls.mapAnonymous(memoryBytes);
    staging = memory;
    control = staging + STAGING_BYTES + iovBytes;
    slots = control + CONTROL_BYTES;
    sendQueue = new SendQueue(reactor, fd, staging + STAGING_BYTES, this::close, this::finishClose);
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
    receive();
  }

  // ---- receiving

  private void receive() {
    if (receiving || life == Life.CLOSING || life == Life.CLOSED) {
      return;
    }
    if (life == Life.TERMINATED || start == end) {
      start = 0;
      end = 0;
    }
    if (phase == Phase.DATA && dataRequest != null && life == Life.OPEN) {
      if (dataAddress == 0) {
        return; // the buffer's arrival goes on
      }
      if (dataLeft >= DIRECT_RECV_BYTES) {
        direct = true;
        receiving = true;
        reactor.recv(fd, dataAddress, dataLeft, received);
        return;
      }
    }
    if (start > 0) {
      NativeMemory.copy(staging + start, staging, end - start);
      end -= start;
      start = 0;
    }
    if (end == STAGING_BYTES) {
      return; // the parser waits for a slot or for the host to take its data
    }
    direct = false;
    receiving = true;
    reactor.recv(fd, staging + end, STAGING_BYTES - end, received);
  }

  private void received(int result) {
    receiving = false;
    if (life == Life.CLOSING) {
      finishClose();
    } else if (result <= 0) {
      close();
    } else {
      if (direct) {
        dataArrived(result);
      } else if (life != Life.TERMINATED) {
        end += result;
      }
      parse();
    }
  }

  private void dataArrived(int bytes) {
    dataAddress += bytes;
    dataLeft -= bytes;
  }

  /** Handles what is there until something is missing, then receives. */
  private void parse() {
    if (parsing) {
      return;
    }
    parsing = true;
    try {
      while (life.compareTo(Life.OPEN) <= 0 && step()) {
        // the step did it
      }
    } finally {
      parsing = false;
    }
    receive();
  }

  private boolean step() {
    return switch (phase) {
      case HEADER -> header();
      case DATA -> data();
      case DIGEST -> digest();
    };
  }

  private boolean header() {
    long pdu = staging + start;
    current = pdu;
    int available = end - start;
    if (available < PduHeader.SIZE) {
      return false;
    }
    int type = PduHeader.type(pdu);
    if (!headerChecked) {
      long answer = PduCheck.commonHeader(pdu, true, digests, 4, maxDataBytes(type));
      if (answer == PduCheck.OK && (type == PduHeader.IC_REQ) != (life == Life.IC_WAIT)) {
        answer = TermReq.PDU_SEQUENCE_ERROR;
      }
      if (answer != PduCheck.OK) {
        terminate(PduCheck.fes(answer), PduCheck.fei(answer));
        return false;
      }
      headerChecked = true;
    }
    int data = type == PduHeader.H2C_TERM_REQ ? 0 : (int) PduCheck.dataBytes(pdu);
    int headerBytes = data > 0 ? PduHeader.pdo(pdu) : PduCheck.headerEnd(pdu);
    if (available < headerBytes) {
      return false;
    }
    blocked = type == PduHeader.CAPSULE_CMD && !mayAccept();
    if (blocked) {
      return false;
    }
    headerChecked = false;
    if (!headerDigestHolds(pdu)) {
      return false;
    }
    start += headerBytes;
    dataBytes = data;
    dataLeft = data;
    dataDigest = data > 0 && (PduHeader.flags(pdu) & PduHeader.DDGSTF) != 0;
    switch (type) {
      case PduHeader.IC_REQ -> icReq(pdu);
      case PduHeader.CAPSULE_CMD -> capsule(pdu);
      case PduHeader.H2C_DATA -> h2cData(pdu);
      default -> close(); // the host ends the connection with a TermReq
    }
    return true;
  }

  private long maxDataBytes(int type) {
    return type == PduHeader.CAPSULE_CMD
        ? Math.max(options.inCapsuleDataSize(), TransportOptions.ADMIN_IN_CAPSULE_BYTES)
        : options.maxIoSize();
  }

  private boolean headerDigestHolds(long pdu) {
    if ((digests & PduHeader.HDGSTF) == 0 || PduHeader.type(pdu) < PduHeader.CAPSULE_CMD) {
      return true;
    }
    int hlen = PduHeader.hlen(pdu);
    int digest = group.crc().of(pdu, hlen);
    if (digest == NativeMemory.getInt(pdu + hlen)) {
      return true;
    }
    terminate(TermReq.HDGST_ERROR, digest);
    return false;
  }

  private void icReq(long pdu) {
    if (IcReq.pfv(pdu) != 0) {
      terminate(TermReq.INVALID_HEADER_FIELD, IcReq.PFV);
      return;
    }
    if (IcReq.hpda(pdu) > IcReq.HPDA_MAX) {
      terminate(TermReq.INVALID_HEADER_FIELD, IcReq.HPDA);
      return;
    }
    hostAlignment = (IcReq.hpda(pdu) + 1) * 4;
    digests = IcReq.dgst(pdu) & (PduHeader.HDGSTF | PduHeader.DDGSTF);
    NativeMemory.zero(control, IcResp.SIZE);
    PduHeader.init(control, PduHeader.IC_RESP, 0, IcResp.SIZE, 0, IcResp.SIZE);
    IcResp.dgst(control, digests);
    IcResp.maxh2cdata(control, options.maxIoSize());
    life = Life.OPEN;
    sendQueue.add(icResp.clear().add(control, IcResp.SIZE));
  }

  /** Whether one more command may begin; a host that sends too many is cut off. */
  private boolean mayAccept() {
    if (inUse <= sqsize) {
      return responseBytes < RESPONSE_LIMIT_BYTES;
    }
    // A host may answer a response before its send operation returned here.
    if (inUse - responding > sqsize) {
      close();
    }
    return false;
  }

  private void capsule(long pdu) {
    NvmfRequest request = takeRequest();
    sqhd = sqhd == sqsize ? 0 : sqhd + 1;
    request.begin(pdu + PduHeader.SIZE, dataBytes);
    request.state = State.TRANSFER;
    if (request.toHost()) {
      responseBytes += request.dataBytes;
    }
    if (dataBytes == 0) {
      proceed(request);
    } else if (!request.inCapsule) {
      receiveData(null, 0);
      proceed(request);
    } else {
      request.state = State.BUFFER;
      receiveData(request, 0);
      request.buffer = reactor.buffers().take(dataBytes, request.waiter);
      if (request.buffer != 0) {
        request.state = State.TRANSFER;
        dataAddress = request.buffer;
      }
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

  /** The rest of the PDU goes to {@code address}, or nowhere when {@code request} is null. */
  private void receiveData(@Nullable NvmfRequest request, long address) {
    phase = Phase.DATA;
    dataRequest = request;
    dataAddress = address;
  }

  private boolean data() {
    if (dataRequest != null && dataAddress == 0) {
      return false;
    }
    int bytes = Math.min(end - start, dataLeft);
    if (dataRequest != null && bytes > 0) {
      NativeMemory.copy(staging + start, dataAddress, bytes);
    }
    start += bytes;
    dataArrived(bytes);
    if (dataLeft > 0) {
      return false;
    }
    if (dataDigest) {
      phase = Phase.DIGEST;
    } else {
      dataComplete(true);
    }
    return true;
  }

  private boolean digest() {
    if (end - start < Crc32c.DIGEST_SIZE) {
      return false;
    }
    boolean holds =
        dataRequest == null
            || group.crc().of(dataAddress - dataBytes, dataBytes)
                == NativeMemory.getInt(staging + start);
    start += Crc32c.DIGEST_SIZE;
    dataComplete(holds);
    return true;
  }

  private void dataComplete(boolean digestHolds) {
    phase = Phase.HEADER;
    NvmfRequest request = dataRequest;
    dataRequest = null;
    if (request == null) {
      return;
    }
    request.digestFailed |= !digestHolds;
    request.received += dataBytes;
    if (request.inCapsule || request.received == request.dataBytes) {
      if (!request.inCapsule) {
        r2tBytes -= request.dataBytes;
        askForMore();
      }
      execute(request);
    }
  }

  private void h2cData(long pdu) {
    long answer = PduCheck.dataHeader(pdu);
    int slot = H2cData.ttag(pdu);
    NvmfRequest request = slot < requests.size() ? requests.get(slot) : null;
    if (answer != PduCheck.OK) {
      terminate(PduCheck.fes(answer), PduCheck.fei(answer));
    } else if (request == null || request.state != State.TRANSFER || request.inCapsule) {
      terminate(TermReq.INVALID_HEADER_FIELD, H2cData.TTAG);
    } else if (H2cData.cccid(pdu) != Sqe.cid(request.sqe)) {
      terminate(TermReq.INVALID_HEADER_FIELD, H2cData.CCCID);
    } else if (H2cData.datao(pdu) != request.received
        || request.received + dataBytes > request.dataBytes) {
      terminate(TermReq.DATA_TRANSFER_OUT_OF_RANGE, 0);
    } else if ((PduHeader.flags(pdu) & PduHeader.LAST_PDU)
        != 0
        != (request.received + dataBytes == request.dataBytes)) {
      terminate(TermReq.INVALID_HEADER_FIELD, PduHeader.FLAGS);
    } else {
      receiveData(request, request.buffer + request.received);
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
      sendR2t(request);
    }
  }

  void bufferGranted(NvmfRequest request) {
    if (request == dataRequest) {
      request.state = State.TRANSFER;
      dataAddress = request.buffer;
      parse();
    } else {
      buffered(request);
    }
  }

  private void sendR2t(NvmfRequest request) {
    long pdu = request.r2t;
    NativeMemory.zero(pdu, R2t.SIZE);
    int bytes = initHeader(pdu, PduHeader.R2T, 0, R2t.SIZE);
    R2t.cccid(pdu, Sqe.cid(request.sqe));
    R2t.ttag(pdu, request.slot);
    R2t.r2tl(pdu, request.dataBytes);
    sendQueue.add(request.ready.clear().add(pdu, sealHeader(pdu, bytes)));
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
    Outbound answer = request.answer.clear();
    boolean withData = request.toHost() && request.dataBytes > 0 && status == 0;
    boolean implied = withData && options.c2hSuccess() && result == 0;
    if (withData) {
      addData(answer, request, implied);
    }
    if (!implied) {
      long pdu = request.response;
      int bytes = initHeader(pdu, PduHeader.CAPSULE_RESP, 0, CapsuleResp.SIZE);
      Cqe.init(pdu + PduHeader.SIZE, Sqe.cid(request.sqe), sqhd, status);
      NativeMemory.putLong(pdu + PduHeader.SIZE, result);
      answer.add(pdu, sealHeader(pdu, bytes));
    }
    if (life == Life.OPEN) {
      sendQueue.add(answer);
    }
  }

  private void addData(Outbound answer, NvmfRequest request, boolean success) {
    long pdu = request.c2h;
    int flags = PduHeader.LAST_PDU | (success ? PduHeader.SUCCESS : 0);
    int header = initHeader(pdu, PduHeader.C2H_DATA, flags, C2hData.SIZE);
    int pdo = (header + hostAlignment - 1) / hostAlignment * hostAlignment;
    NativeMemory.zero(pdu + PduHeader.SIZE, pdo - PduHeader.SIZE);
    boolean digest = (digests & PduHeader.DDGSTF) != 0;
    if (digest) {
      PduHeader.flags(pdu, PduHeader.flags(pdu) | PduHeader.DDGSTF);
    }
    PduHeader.pdo(pdu, pdo);
    PduHeader.plen(pdu, (long) pdo + request.dataBytes + (digest ? Crc32c.DIGEST_SIZE : 0));
    C2hData.cccid(pdu, Sqe.cid(request.sqe));
    C2hData.datal(pdu, request.dataBytes);
    sealHeader(pdu, header);
    answer.add(pdu, pdo).add(request.buffer, request.dataBytes);
    if (digest) {
      NativeMemory.putInt(request.digest, group.crc().of(request.buffer, request.dataBytes));
      answer.add(request.digest, Crc32c.DIGEST_SIZE);
    }
  }

  /** Returns the header's length with its digest. */
  private int initHeader(long pdu, int type, int flags, int hlen) {
    boolean digest = (digests & PduHeader.HDGSTF) != 0;
    int bytes = hlen + (digest ? Crc32c.DIGEST_SIZE : 0);
    PduHeader.init(pdu, type, flags | (digest ? PduHeader.HDGSTF : 0), hlen, 0, bytes);
    return bytes;
  }

  /** The header is complete; adds its digest where {@code bytes} has room for one. */
  private int sealHeader(long pdu, int bytes) {
    int hlen = PduHeader.hlen(pdu);
    if (bytes > hlen) {
      NativeMemory.putInt(pdu + hlen, group.crc().of(pdu, hlen));
    }
    return bytes;
  }

  /** The answer was taken by the kernel: the slot is free. */
  void answered(NvmfRequest request) {
    responding--;
    release(request);
    if (blocked) {
      parse();
    }
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

  boolean closing() {
    return life == Life.CLOSING;
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

  private void terminate(int fes, int fei) {
    long pdu = control + IcResp.SIZE;
    NativeMemory.zero(pdu, TermReq.SIZE);
    int copied = (int) Math.min(CapsuleCmd.SIZE, staging + end - current);
    int bytes = TermReq.SIZE + copied;
    PduHeader.init(pdu, PduHeader.C2H_TERM_REQ, 0, TermReq.SIZE, 0, bytes);
    TermReq.fes(pdu, fes);
    TermReq.fei(pdu, fei);
    NativeMemory.copy(current, pdu + TermReq.SIZE, copied);
    life = Life.TERMINATED;
    sendQueue.add(termReq.clear().add(pdu, bytes));
    reactor.schedule(timeout, LINGER_NS);
  }

  /** The ICResp or TermReq went out. */
  @Override
  public void sent(Outbound outbound) {}

  /** Ends the connection from this side; safe to call again. */
  void close() {
    if (life == Life.CLOSING || life == Life.CLOSED) {
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

  private void finishClose() {
    if (life != Life.CLOSING || receiving || sendQueue.sending()) {
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

package io.diskengine.engine.host;

import io.diskengine.nvme.AdminOpcode;
import io.diskengine.nvme.C2hData;
import io.diskengine.nvme.CapsuleResp;
import io.diskengine.nvme.ControllerProperty;
import io.diskengine.nvme.Cqe;
import io.diskengine.nvme.FabricsCommand;
import io.diskengine.nvme.FabricsCommandType;
import io.diskengine.nvme.IcResp;
import io.diskengine.nvme.IdentifyCommand;
import io.diskengine.nvme.IdentifyController;
import io.diskengine.nvme.IdentifyControllerIo;
import io.diskengine.nvme.IdentifyNamespace;
import io.diskengine.nvme.LbaFormat;
import io.diskengine.nvme.NamespaceIdDescriptor;
import io.diskengine.nvme.NamespaceList;
import io.diskengine.nvme.NativeMemory;
import io.diskengine.nvme.NumberOfQueues;
import io.diskengine.nvme.PduHeader;
import io.diskengine.nvme.PropertyCommand;
import io.diskengine.nvme.R2t;
import io.diskengine.nvme.Sqe;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * A target on a plain socket: correct until an I/O command arrives, which the script answers, as
 * wrongly as it likes. One thread per connection.
 */
final class ScriptedTarget implements AutoCloseable {
  static final UUID NS = UUID.fromString("44444444-2222-4333-8444-555555555555");
  private static final int MEMORY = 1 << 18;

  /** What is done with the PDUs of an I/O queue once it is connected. */
  interface Script {
    /** {@code pdu} is the address of the header, {@code data} that of what follows it. */
    void io(Connection connection, long pdu, long data) throws IOException;
  }

  private final ServerSocket listener;
  private final Script script;
  private final boolean answersIcReq;
  final List<Socket> sockets = new CopyOnWriteArrayList<>();
  final List<byte[]> firstPdus = new CopyOnWriteArrayList<>();
  volatile int ioCommands;
  volatile int ioQueues = 16;

  ScriptedTarget(boolean answersIcReq, Script script) throws IOException {
    this.script = script;
    this.answersIcReq = answersIcReq;
    listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofPlatform().daemon().start(this::accept);
  }

  int port() {
    return listener.getLocalPort();
  }

  private void accept() {
    try {
      while (true) {
        Socket socket = listener.accept();
        socket.setTcpNoDelay(true);
        sockets.add(socket);
        Connection connection = new Connection(socket);
        Thread.ofPlatform().daemon().start(connection::serve);
      }
    } catch (IOException closed) {
      // the end
    }
  }

  /** One queue pair. */
  final class Connection {
    private final DataInputStream in;
    private final OutputStream out;
    private final Arena arena = Arena.ofShared();
    private final long memory = arena.allocate(MEMORY, 64).address();
    private final long pdu = arena.allocate(MEMORY, 64).address();
    private final long reply = arena.allocate(MEMORY, 64).address();
    private boolean io;

    Connection(Socket socket) throws IOException {
      in = new DataInputStream(socket.getInputStream());
      out = socket.getOutputStream();
    }

    void serve() {
      try {
        while (true) {
          byte[] head = in.readNBytes(PduHeader.SIZE);
          if (head.length < PduHeader.SIZE) {
            return;
          }
          NativeMemory.copy(head, 0, pdu, head.length);
          byte[] rest = in.readNBytes((int) PduHeader.plen(pdu) - head.length);
          NativeMemory.copy(rest, 0, pdu + head.length, rest.length);
          if (firstPdus.size() < 2) {
            firstPdus.add(NativeMemory.bytes(pdu, (int) PduHeader.plen(pdu)));
          }
          handle();
        }
      } catch (IOException closed) {
        // the end
      }
    }

    private void handle() throws IOException {
      int type = PduHeader.type(pdu);
      long sqe = pdu + PduHeader.SIZE;
      if (type == PduHeader.IC_REQ) {
        icResp();
      } else if (type == PduHeader.CAPSULE_CMD && Sqe.opcode(sqe) == AdminOpcode.FABRIC) {
        fabrics(sqe);
      } else if (io) {
        ioCommands++;
        script.io(this, pdu, pdu + PduHeader.hlen(pdu));
      } else if (type == PduHeader.CAPSULE_CMD) {
        admin(sqe);
      }
    }

    private void icResp() throws IOException {
      if (answersIcReq) {
        NativeMemory.zero(reply, IcResp.SIZE);
        PduHeader.init(reply, PduHeader.IC_RESP, 0, IcResp.SIZE, 0, IcResp.SIZE);
        IcResp.maxh2cdata(reply, 4096);
        send(IcResp.SIZE);
      }
    }

    private void fabrics(long sqe) throws IOException {
      long value = 0;
      switch (FabricsCommand.fctype(sqe)) {
        case FabricsCommandType.CONNECT -> {
          io = NativeMemory.getUnsignedShort(sqe + 42) != 0;
          value = 1;
        }
        case FabricsCommandType.PROPERTY_GET ->
            value =
                PropertyCommand.ofst(sqe) == ControllerProperty.CAP
                    ? ControllerProperty.Cap.of(64, 10, ControllerProperty.Cap.CSS_NVM)
                    : ControllerProperty.Csts.RDY;
        default -> {}
      }
      respond(Sqe.cid(sqe), value, 0);
    }

    private void admin(long sqe) throws IOException {
      switch (Sqe.opcode(sqe)) {
        case AdminOpcode.IDENTIFY -> {
          NativeMemory.zero(memory, 4096);
          identify(IdentifyCommand.cns(sqe));
          data(Sqe.cid(sqe), 0, memory, 4096, PduHeader.LAST_PDU);
          respond(Sqe.cid(sqe), 0, 0);
        }
        case AdminOpcode.SET_FEATURES ->
            respond(Sqe.cid(sqe), NumberOfQueues.of(ioQueues, ioQueues) & 0xffff_ffffL, 0);
        case AdminOpcode.ASYNC_EVENT_REQUEST -> {}
        default -> respond(Sqe.cid(sqe), 0, 0);
      }
    }

    private void identify(int cns) {
      switch (cns) {
        case IdentifyCommand.CNS_CONTROLLER -> {
          IdentifyController.mdts(memory, 5);
          IdentifyController.cntlid(memory, 1);
          IdentifyControllerIo.oncs(memory, IdentifyControllerIo.ONCS_WRITE_ZEROES);
          IdentifyControllerIo.ioccsz(memory, 4);
        }
        case IdentifyCommand.CNS_ACTIVE_NAMESPACE_LIST -> NamespaceList.nsid(memory, 0, 1);
        case IdentifyCommand.CNS_NAMESPACE_ID_DESCRIPTORS ->
            NamespaceIdDescriptor.put(memory, NamespaceIdDescriptor.UUID, NS);
        case IdentifyCommand.CNS_NAMESPACE -> {
          IdentifyNamespace.nsze(memory, 4096);
          LbaFormat.lbads(IdentifyNamespace.lbaf(memory, 0), 9);
        }
        default -> {}
      }
    }

    void respond(int cid, long value, int status) throws IOException {
      PduHeader.init(reply, PduHeader.CAPSULE_RESP, 0, CapsuleResp.SIZE, 0, CapsuleResp.SIZE);
      long cqe = reply + CapsuleResp.CQE;
      Cqe.init(cqe, cid, 0, status);
      NativeMemory.putLong(cqe, value);
      send(CapsuleResp.SIZE);
    }

    void data(int cid, int offset, long from, int bytes, int flags) throws IOException {
      PduHeader.init(
          reply, PduHeader.C2H_DATA, flags, C2hData.SIZE, C2hData.SIZE, C2hData.SIZE + bytes);
      NativeMemory.zero(reply + PduHeader.SIZE, C2hData.SIZE - PduHeader.SIZE);
      C2hData.cccid(reply, cid);
      C2hData.datao(reply, offset);
      C2hData.datal(reply, bytes);
      NativeMemory.copy(from, reply + C2hData.SIZE, bytes);
      send(C2hData.SIZE + bytes);
    }

    void r2t(int cid, int tag, int offset, int bytes) throws IOException {
      PduHeader.init(reply, PduHeader.R2T, 0, R2t.SIZE, 0, R2t.SIZE);
      NativeMemory.zero(reply + PduHeader.SIZE, R2t.SIZE - PduHeader.SIZE);
      R2t.cccid(reply, cid);
      R2t.ttag(reply, tag);
      R2t.r2to(reply, offset);
      R2t.r2tl(reply, bytes);
      send(R2t.SIZE);
    }

    /** Any bytes. */
    void raw(byte[] bytes) throws IOException {
      out.write(bytes);
    }

    long memory() {
      return memory;
    }

    private void send(int bytes) throws IOException {
      raw(NativeMemory.bytes(reply, bytes));
    }
  }

  @Override
  public void close() throws IOException {
    listener.close();
    for (Socket socket : sockets) {
      socket.close();
    }
  }
}

package io.diskengine.engine.nvmf;

import io.diskengine.nvme.ConnectCommand;
import io.diskengine.nvme.ConnectData;
import io.diskengine.nvme.ConnectResponse;
import io.diskengine.nvme.ControllerProperty;
import io.diskengine.nvme.FabricsCommand;
import io.diskengine.nvme.FabricsCommandType;
import io.diskengine.nvme.NativeMemory;
import io.diskengine.nvme.NvmeStatus;
import io.diskengine.nvme.PropertyCommand;

/**
 * Connect, Property Get and Set, Disconnect (NVMe-oF 1.1, 3), on the home reactor. What is checked,
 * in which order and with which status is SPDK's ({@code nvmf_ctrlr_cmd_connect}).
 */
final class FabricsCommands {
  private final NvmfTarget target;

  FabricsCommands(NvmfTarget target) {
    this.target = target;
  }

  void execute(NvmfRequest request) {
    Controller controller = request.connection.homeController;
    int type = FabricsCommand.fctype(request.sqe);
    if (controller == null) {
      if (type == FabricsCommandType.CONNECT) {
        connect(request);
      } else {
        request.completeAtHome(NvmeStatus.COMMAND_SEQUENCE_ERROR | NvmeStatus.DNR);
      }
      return;
    }
    boolean admin = request.connection.homeQid == 0;
    if (type == FabricsCommandType.CONNECT) {
      request.completeAtHome(NvmeStatus.COMMAND_SEQUENCE_ERROR | NvmeStatus.DNR);
    } else if (type == FabricsCommandType.PROPERTY_GET && admin) {
      propertyGet(request, controller);
    } else if (type == FabricsCommandType.PROPERTY_SET && admin) {
      propertySet(request, controller);
    } else if (type == FabricsCommandType.DISCONNECT && !admin) {
      // The host closes the connection when it has the answer (NVMe-oF 1.1, 3.6).
      request.completeAtHome(NvmeStatus.SUCCESS);
    } else {
      request.completeAtHome(NvmeStatus.INVALID_OPCODE | NvmeStatus.DNR);
    }
  }

  // ---- Connect

  private void connect(NvmfRequest request) {
    if (request.dataBytes < ConnectData.SIZE) {
      request.completeAtHome(NvmeStatus.INVALID_FIELD);
      return;
    }
    long data = request.buffer;
    Subsystem subsystem = target.subsystem(ConnectData.subnqn(data)).orElse(null);
    String hostnqn = ConnectData.hostnqn(data);
    if (subsystem == null || !terminated(data + ConnectData.SUBNQN)) {
      invalidData(request, ConnectData.SUBNQN);
    } else if (!subsystem.isActive()) {
      request.completeAtHome(NvmeStatus.FABRIC_CONTROLLER_BUSY);
    } else if (!terminated(data + ConnectData.HOSTNQN)) {
      invalidData(request, ConnectData.HOSTNQN);
    } else if (!mayConnect(request, subsystem, hostnqn)) {
      NvmfTarget.LOG
          .atWarn()
          .addKeyValue("subsystem", subsystem.nqn())
          .addKeyValue("host", hostnqn)
          .addKeyValue("peer", request.connection.peer())
          .log("host is not allowed here");
      request.completeAtHome(NvmeStatus.FABRIC_INVALID_HOST);
    } else if (ConnectCommand.recfmt(request.sqe) != 0) {
      request.completeAtHome(NvmeStatus.FABRIC_INCOMPATIBLE_FORMAT);
    } else {
      connectQueue(request, subsystem, hostnqn);
    }
  }

  private static boolean mayConnect(NvmfRequest request, Subsystem subsystem, String hostnqn) {
    return subsystem.isHostAllowed(hostnqn)
        && (subsystem.isDiscovery() || subsystem.listener(request.connection.listener()) != null);
  }

  private void connectQueue(NvmfRequest request, Subsystem subsystem, String hostnqn) {
    TransportOptions options = request.connection.options();
    int qid = ConnectCommand.qid(request.sqe);
    int sqsize = ConnectCommand.sqsize(request.sqe);
    if (sqsize == 0 || sqsize >= (qid == 0 ? options.maxAqDepth() : options.maxQueueDepth())) {
      invalidCommand(request, ConnectCommand.SQSIZE);
    } else if (qid == 0) {
      connectAdmin(request, subsystem, hostnqn);
    } else {
      connectIo(request, subsystem, hostnqn, qid);
    }
  }

  private void connectAdmin(NvmfRequest request, Subsystem subsystem, String hostnqn) {
    long data = request.buffer;
    if (ConnectData.cntlid(data) != ConnectData.CNTLID_DYNAMIC) {
      invalidData(request, ConnectData.CNTLID);
      return;
    }
    int cntlid = subsystem.allocateCntlid();
    if (cntlid == 0) {
      request.completeAtHome(NvmeStatus.INTERNAL_DEVICE_ERROR);
      return;
    }
    Controller controller =
        new Controller(
            target,
            subsystem,
            subsystem.listener(request.connection.listener()),
            request.connection.options(),
            cntlid,
            new Controller.Host(
                hostnqn, ConnectData.hostid(data), ConnectCommand.kato(request.sqe)));
    subsystem.add(controller);
    NvmfTarget.LOG
        .atInfo()
        .addKeyValue("subsystem", subsystem.nqn())
        .addKeyValue("host", hostnqn)
        .addKeyValue("cntlid", cntlid)
        .addKeyValue("peer", request.connection.peer())
        .log("host connected");
    establish(request, controller, 0);
  }

  private static void connectIo(NvmfRequest request, Subsystem subsystem, String hostnqn, int qid) {
    Controller controller = subsystem.controller(ConnectData.cntlid(request.buffer));
    if (controller == null || controller.leaving()) {
      invalidData(request, ConnectData.CNTLID);
    } else if (!controller.hostnqn().equals(hostnqn)) {
      invalidData(request, ConnectData.HOSTNQN);
    } else if (subsystem.isDiscovery()
        || !ready(controller)
        || qid > controller.options().maxIoQpairsPerController()) {
      invalidCommand(request, ConnectCommand.QID);
    } else if (controller.queue(qid) != null) {
      request.completeAtHome(NvmeStatus.INVALID_QUEUE_IDENTIFIER);
    } else {
      establish(request, controller, qid);
    }
  }

  /** Enabled, with the entry sizes of the NVM command set. */
  private static boolean ready(Controller controller) {
    int cc = controller.cc();
    return controller.enabled()
        && ControllerProperty.Cc.iosqes(cc) == 6
        && ControllerProperty.Cc.iocqes(cc) == 4;
  }

  private static void establish(NvmfRequest request, Controller controller, int qid) {
    controller.add(qid, request.connection);
    request.connected =
        new NvmfRequest.Connected(controller, qid, ConnectCommand.sqsize(request.sqe));
    request.completeAtHome(NvmeStatus.SUCCESS, controller.cntlid());
  }

  private static boolean terminated(long nqn) {
    return NativeMemory.getByte(nqn + ConnectData.SUBNQN_SIZE - 1) == 0;
  }

  private static void invalidData(NvmfRequest request, int offset) {
    invalid(request, offset, ConnectResponse.IATTR_DATA);
  }

  private static void invalidCommand(NvmfRequest request, int offset) {
    invalid(request, offset, ConnectResponse.IATTR_COMMAND);
  }

  private static void invalid(NvmfRequest request, int offset, int attribute) {
    request.completeAtHome(NvmeStatus.FABRIC_INVALID_PARAM, offset | (long) attribute << 16);
  }

  // ---- properties

  private static void propertyGet(NvmfRequest request, Controller controller) {
    int offset = PropertyCommand.ofst(request.sqe);
    long value = controller.property(offset);
    if (value == -1 || !sizeFits(request)) {
      request.completeAtHome(NvmeStatus.INVALID_FIELD | NvmeStatus.DNR);
    } else {
      request.completeAtHome(NvmeStatus.SUCCESS, value);
    }
  }

  private static void propertySet(NvmfRequest request, Controller controller) {
    boolean valid =
        PropertyCommand.ofst(request.sqe) == ControllerProperty.CC
            && sizeFits(request)
            && controller.configure((int) PropertyCommand.value(request.sqe));
    request.completeAtHome(valid ? NvmeStatus.SUCCESS : NvmeStatus.INVALID_FIELD | NvmeStatus.DNR);
  }

  private static boolean sizeFits(NvmfRequest request) {
    boolean eight = ControllerProperty.isEightBytes(PropertyCommand.ofst(request.sqe));
    return PropertyCommand.size(request.sqe)
        == (eight ? PropertyCommand.SIZE_8 : PropertyCommand.SIZE_4);
  }
}

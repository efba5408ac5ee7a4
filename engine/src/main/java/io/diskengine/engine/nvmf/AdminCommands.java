package io.diskengine.engine.nvmf;

import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.nvme.AbortCommand;
import io.diskengine.nvme.AdminOpcode;
import io.diskengine.nvme.FeaturesCommand;
import io.diskengine.nvme.IdentifyCommand;
import io.diskengine.nvme.NativeMemory;
import io.diskengine.nvme.NumberOfQueues;
import io.diskengine.nvme.NvmeStatus;
import io.diskengine.nvme.Sqe;
import io.diskengine.nvme.Uuids;

/** The admin commands of a connected controller (NVMe Base 2.0, 5), on the home reactor. */
final class AdminCommands {
  private static final int INVALID_FIELD = NvmeStatus.INVALID_FIELD | NvmeStatus.DNR;
  private static final int INVALID_OPCODE = NvmeStatus.INVALID_OPCODE | NvmeStatus.DNR;
  private static final int INVALID_NAMESPACE =
      NvmeStatus.INVALID_NAMESPACE_OR_FORMAT | NvmeStatus.DNR;

  private final NvmfTarget target;

  AdminCommands(NvmfTarget target) {
    this.target = target;
  }

  void execute(NvmfRequest request) {
    Controller controller = request.connection.homeController;
    if (controller == null || controller.leaving()) {
      request.completeAtHome(NvmeStatus.ABORTED_SQ_DELETION);
      return;
    }
    int opcode = Sqe.opcode(request.sqe);
    boolean discovery = controller.subsystem().isDiscovery();
    if (opcode == AdminOpcode.KEEP_ALIVE || discovery) {
      controller.alive();
    }
    if (!controller.enabled()) {
      request.completeAtHome(NvmeStatus.COMMAND_SEQUENCE_ERROR | NvmeStatus.DNR);
      return;
    }
    if (request.toHost() && request.dataBytes > 0) {
      NativeMemory.zero(request.buffer, request.dataBytes); // it may hold another host's data
    }
    switch (opcode) {
      case AdminOpcode.IDENTIFY -> request.completeAtHome(identify(request, controller));
      case AdminOpcode.GET_LOG_PAGE ->
          request.completeAtHome(LogPages.execute(request, controller, target));
      case AdminOpcode.GET_FEATURES -> getFeature(request, controller);
      case AdminOpcode.SET_FEATURES -> setFeature(request, controller);
      case AdminOpcode.ASYNC_EVENT_REQUEST -> controller.eventRequested(request);
      case AdminOpcode.KEEP_ALIVE -> request.completeAtHome(NvmeStatus.SUCCESS);
      case AdminOpcode.ABORT -> abort(request, controller);
      default -> request.completeAtHome(INVALID_OPCODE);
    }
  }

  // ---- Identify

  private static int identify(NvmfRequest request, Controller controller) {
    if (request.dataBytes < IdentifyCommand.DATA_SIZE) {
      return INVALID_FIELD;
    }
    long page = request.buffer;
    int cns = IdentifyCommand.cns(request.sqe);
    if (cns == IdentifyCommand.CNS_CONTROLLER) {
      IdentifyPages.controller(page, controller);
      return NvmeStatus.SUCCESS;
    }
    if (controller.subsystem().isDiscovery()) {
      return INVALID_FIELD;
    }
    return switch (cns) {
      case IdentifyCommand.CNS_NAMESPACE,
          IdentifyCommand.CNS_NAMESPACE_ID_DESCRIPTORS,
          IdentifyCommand.CNS_NAMESPACE_INDEPENDENT ->
          identifyNamespace(request, controller, cns);
      case IdentifyCommand.CNS_ACTIVE_NAMESPACE_LIST -> activeList(request, controller);
      case IdentifyCommand.CNS_IO_COMMAND_SETS -> {
        IdentifyPages.ioCommandSets(page);
        yield NvmeStatus.SUCCESS;
      }
      case IdentifyCommand.CNS_NAMESPACE_COMMAND_SET,
          IdentifyCommand.CNS_CONTROLLER_COMMAND_SET,
          IdentifyCommand.CNS_ACTIVE_NAMESPACE_LIST_COMMAND_SET ->
          IdentifyCommand.csi(request.sqe) == IdentifyCommand.CSI_NVM
              ? ofNvmCommandSet(request, controller, cns)
              : INVALID_FIELD;
      default -> INVALID_FIELD;
    };
  }

  private static int activeList(NvmfRequest request, Controller controller) {
    long after = Integer.toUnsignedLong(Sqe.nsid(request.sqe));
    if (after >= 0xffff_fffeL) {
      return INVALID_NAMESPACE;
    }
    IdentifyPages.activeNamespaces(request.buffer, controller.subsystem(), after);
    return NvmeStatus.SUCCESS;
  }

  private static int identifyNamespace(NvmfRequest request, Controller controller, int cns) {
    int nsid = Sqe.nsid(request.sqe);
    Subsystem subsystem = controller.subsystem();
    if (nsid < 1 || nsid > subsystem.options().maxNamespaces()) {
      return INVALID_NAMESPACE;
    }
    Namespace namespace = subsystem.namespace(nsid);
    if (namespace == null) {
      // Zeros describe a namespace that is not active; it has no descriptors.
      return cns == IdentifyCommand.CNS_NAMESPACE ? NvmeStatus.SUCCESS : INVALID_NAMESPACE;
    }
    switch (cns) {
      case IdentifyCommand.CNS_NAMESPACE ->
          IdentifyPages.namespace(request.buffer, namespace, controller);
      case IdentifyCommand.CNS_NAMESPACE_INDEPENDENT ->
          IdentifyPages.namespaceIndependent(request.buffer, namespace, controller);
      default -> IdentifyPages.namespaceDescriptors(request.buffer, namespace);
    }
    return NvmeStatus.SUCCESS;
  }

  private static int ofNvmCommandSet(NvmfRequest request, Controller controller, int cns) {
    Subsystem subsystem = controller.subsystem();
    return switch (cns) {
      case IdentifyCommand.CNS_CONTROLLER_COMMAND_SET -> {
        IdentifyPages.nvmController(request.buffer, controller);
        yield NvmeStatus.SUCCESS;
      }
      case IdentifyCommand.CNS_ACTIVE_NAMESPACE_LIST_COMMAND_SET -> activeList(request, controller);
      default ->
          // Nothing of the NVM command set's namespace data is used: no protection information.
          subsystem.namespace(Sqe.nsid(request.sqe)) == null
              ? INVALID_NAMESPACE
              : NvmeStatus.SUCCESS;
    };
  }

  // ---- features

  private static void getFeature(NvmfRequest request, Controller controller) {
    int value;
    switch (FeaturesCommand.fid(request.sqe)) {
      case FeaturesCommand.NUMBER_OF_QUEUES -> value = numberOfQueues(controller);
      case FeaturesCommand.KEEP_ALIVE_TIMER -> value = (int) controller.keepAliveMs();
      case FeaturesCommand.ASYNC_EVENT_CONFIGURATION -> value = controller.eventConfiguration();
      case FeaturesCommand.VOLATILE_WRITE_CACHE -> value = 1;
      case FeaturesCommand.ARBITRATION,
          FeaturesCommand.POWER_MANAGEMENT,
          FeaturesCommand.TEMPERATURE_THRESHOLD,
          FeaturesCommand.ERROR_RECOVERY,
          FeaturesCommand.WRITE_ATOMICITY ->
          value = 0;
      case FeaturesCommand.HOST_IDENTIFIER -> {
        // Fabrics have the extended identifier only (NVMe-oF 1.1).
        boolean extended = (FeaturesCommand.value(request.sqe) & 1) != 0;
        if (!extended || request.dataBytes < Uuids.SIZE) {
          request.completeAtHome(INVALID_FIELD);
          return;
        }
        Uuids.put(request.buffer, controller.hostid());
        value = 0;
      }
      default -> {
        request.completeAtHome(INVALID_FIELD);
        return;
      }
    }
    request.completeAtHome(NvmeStatus.SUCCESS, Integer.toUnsignedLong(value));
  }

  private static void setFeature(NvmfRequest request, Controller controller) {
    int value = FeaturesCommand.value(request.sqe);
    if (FeaturesCommand.sv(request.sqe)) {
      request.completeAtHome(NvmeStatus.FEATURE_ID_NOT_SAVEABLE | NvmeStatus.DNR);
      return;
    }
    int result = 0;
    int status = NvmeStatus.SUCCESS;
    switch (FeaturesCommand.fid(request.sqe)) {
      case FeaturesCommand.NUMBER_OF_QUEUES -> {
        if (!NumberOfQueues.isValid(value)) {
          status = INVALID_FIELD;
        } else if (controller.ioQueues() > 0) {
          status = NvmeStatus.COMMAND_SEQUENCE_ERROR | NvmeStatus.DNR;
        } else {
          result = numberOfQueues(controller);
        }
      }
      case FeaturesCommand.KEEP_ALIVE_TIMER -> controller.keepAliveMs(value & 0xffff_ffffL);
      case FeaturesCommand.ASYNC_EVENT_CONFIGURATION -> controller.eventConfiguration(value);
      case FeaturesCommand.HOST_IDENTIFIER ->
          status = NvmeStatus.COMMAND_SEQUENCE_ERROR | NvmeStatus.DNR; // it came with Connect
      case FeaturesCommand.ARBITRATION,
          FeaturesCommand.TEMPERATURE_THRESHOLD,
          FeaturesCommand.ERROR_RECOVERY,
          FeaturesCommand.VOLATILE_WRITE_CACHE,
          FeaturesCommand.WRITE_ATOMICITY -> {}
      default -> status = INVALID_FIELD;
    }
    request.completeAtHome(status, Integer.toUnsignedLong(result));
  }

  /** What the controller has, whatever was asked for: the host takes the lesser. */
  private static int numberOfQueues(Controller controller) {
    int queues = controller.options().maxIoQpairsPerController();
    return NumberOfQueues.of(queues, queues);
  }

  // ---- Abort

  private void abort(NvmfRequest request, Controller controller) {
    int cid = AbortCommand.abortCid(request.sqe);
    int qid = AbortCommand.sqid(request.sqe);
    TcpConnection queue = controller.queue(qid);
    if (qid == 0) {
      aborted(request, controller.abortEventRequest(cid));
    } else if (queue == null) {
      aborted(request, false);
    } else {
      BdevLayer.crossTo(
          queue.reactor(),
          () -> {
            boolean found = queue.abort(cid);
            BdevLayer.crossTo(target.home(), () -> aborted(request, found));
          });
    }
  }

  private static void aborted(NvmfRequest request, boolean found) {
    request.completeAtHome(NvmeStatus.SUCCESS, found ? 0 : AbortCommand.NOT_ABORTED);
  }
}

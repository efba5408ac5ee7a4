package io.diskengine.engine.nvmf;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.IoType;
import io.diskengine.nvme.IdentifyCommand;
import io.diskengine.nvme.IdentifyController;
import io.diskengine.nvme.IdentifyControllerIo;
import io.diskengine.nvme.IdentifyNamespace;
import io.diskengine.nvme.IdentifyNamespaceIndependent;
import io.diskengine.nvme.IdentifyNvmController;
import io.diskengine.nvme.LbaFormat;
import io.diskengine.nvme.NamespaceIdDescriptor;
import io.diskengine.nvme.NamespaceList;
import io.diskengine.nvme.NativeMemory;

/** The 4096 bytes of each Identify answer; what they claim is what SPDK's target claims. */
final class IdentifyPages {
  private static final String FIRMWARE = "26.09";
  private static final int SQE_CQE_SIZES_SQ = 0x66;
  private static final int SQE_CQE_SIZES_CQ = 0x44;

  /** Kelvin; the values that NVMe Base recommends. */
  private static final int WARNING_TEMPERATURE = 0x157;

  private static final int CRITICAL_TEMPERATURE = 0x175;

  private static final int ERROR_LOG_ENTRIES_ZERO_BASED = 127;
  private static final int ABORT_LIMIT_ZERO_BASED = 3;
  private static final int ANA_TRANSITION_SECONDS = 10;

  private IdentifyPages() {}

  static void controller(long page, Controller controller) {
    TransportOptions options = controller.options();
    Subsystem subsystem = controller.subsystem();
    IdentifyController.fr(page, FIRMWARE);
    IdentifyController.mdts(page, Integer.numberOfTrailingZeros(options.maxIoSize() / 4096));
    IdentifyController.cntlid(page, controller.cntlid());
    IdentifyController.ver(page, Controller.VERSION);
    IdentifyController.aerl(page, Controller.MAX_ASYNC_EVENT_REQUESTS - 1);
    IdentifyController.lpa(page, IdentifyController.LPA_EXTENDED_DATA);
    IdentifyController.elpe(page, ERROR_LOG_ENTRIES_ZERO_BASED);
    IdentifyControllerIo.maxcmd(page, options.maxQueueDepth());
    IdentifyControllerIo.sgls(
        page,
        IdentifyControllerIo.SGLS_SUPPORTED
            | IdentifyControllerIo.SGLS_OFFSET
            | IdentifyControllerIo.SGLS_TRANSPORT);
    IdentifyController.wctemp(page, WARNING_TEMPERATURE);
    IdentifyController.cctemp(page, CRITICAL_TEMPERATURE);
    IdentifyControllerIo.subnqn(page, subsystem.nqn());
    if (subsystem.isDiscovery()) {
      IdentifyController.oaes(page, IdentifyController.OAES_DISCOVERY_LOG_CHANGE);
      IdentifyController.cntrltype(page, IdentifyController.CNTRLTYPE_DISCOVERY);
      IdentifyController.kas(page, options.kas());
    } else {
      ioController(page, controller, subsystem.options());
    }
  }

  private static void ioController(long page, Controller controller, SubsystemOptions subsystem) {
    TransportOptions options = controller.options();
    IdentifyController.mn(page, subsystem.modelNumber());
    IdentifyController.sn(page, subsystem.serialNumber());
    IdentifyController.kas(page, options.kas());
    IdentifyController.rab(page, 6);
    IdentifyController.cmic(
        page,
        IdentifyController.CMIC_MULTI_PORT
            | IdentifyController.CMIC_MULTI_CONTROLLER
            | (subsystem.anaReporting() ? IdentifyController.CMIC_ANA_REPORTING : 0));
    IdentifyController.oaes(
        page,
        IdentifyController.OAES_NAMESPACE_ATTRIBUTE
            | (subsystem.anaReporting() ? IdentifyController.OAES_ANA_CHANGE : 0));
    IdentifyController.ctratt(page, IdentifyController.CTRATT_HOST_ID_128);
    IdentifyController.cntrltype(page, IdentifyController.CNTRLTYPE_IO);
    IdentifyController.acl(page, ABORT_LIMIT_ZERO_BASED);
    IdentifyController.frmw(page, IdentifyController.FRMW_SLOT1_READ_ONLY | 1 << 1);
    IdentifyController.lpa(
        page, IdentifyController.LPA_EXTENDED_DATA | IdentifyController.LPA_COMMAND_EFFECTS);
    IdentifyControllerIo.sqes(page, SQE_CQE_SIZES_SQ);
    IdentifyControllerIo.cqes(page, SQE_CQE_SIZES_CQ);
    IdentifyControllerIo.nn(page, subsystem.maxNamespaces());
    IdentifyControllerIo.vwc(
        page,
        IdentifyControllerIo.VWC_PRESENT | IdentifyControllerIo.VWC_FLUSH_BROADCAST_NOT_SUPPORTED);
    IdentifyControllerIo.oncs(
        page,
        IdentifyControllerIo.ONCS_WRITE_ZEROES
            | (deallocates(controller) ? IdentifyControllerIo.ONCS_DATASET_MANAGEMENT : 0));
    IdentifyControllerIo.ioccsz(page, (64 + options.inCapsuleDataSize()) / 16);
    IdentifyControllerIo.iorcsz(page, 1);
    IdentifyControllerIo.msdbd(page, 1);
    if (subsystem.anaReporting()) {
      IdentifyControllerIo.mnan(page, subsystem.maxNamespaces());
      IdentifyController.anatt(page, ANA_TRANSITION_SECONDS);
      IdentifyController.anacap(
          page,
          IdentifyController.ANACAP_OPTIMIZED
              | IdentifyController.ANACAP_NON_OPTIMIZED
              | IdentifyController.ANACAP_INACCESSIBLE
              | IdentifyController.ANACAP_NO_CHANGE_ANAGRPID);
      IdentifyController.anagrpmax(page, subsystem.maxNamespaces());
      IdentifyController.nanagrpid(page, subsystem.maxNamespaces());
    }
  }

  static void namespace(long page, Namespace namespace, Controller controller) {
    Bdev bdev = namespace.bdev();
    IdentifyNamespace.nsze(page, bdev.numBlocks());
    IdentifyNamespace.ncap(page, bdev.numBlocks());
    IdentifyNamespace.nuse(page, bdev.numBlocks());
    LbaFormat.lbads(IdentifyNamespace.lbaf(page, 0), namespace.blockShift());
    IdentifyNamespace.nmic(page, IdentifyNamespace.NMIC_SHARED);
    IdentifyNamespace.noiob(page, (int) Math.min(0xffff, bdev.splitBoundaryBlocks()));
    IdentifyNamespace.nguid(page, namespace.nguid());
    IdentifyNamespace.eui64(page, namespace.eui64());
    if (controller.subsystem().options().anaReporting()) {
      IdentifyNamespace.anagrpid(page, namespace.nsid());
    }
  }

  static void namespaceIndependent(long page, Namespace namespace, Controller controller) {
    IdentifyNamespaceIndependent.nmic(page, IdentifyNamespace.NMIC_SHARED);
    IdentifyNamespaceIndependent.nstat(page, IdentifyNamespaceIndependent.NSTAT_READY);
    if (controller.subsystem().options().anaReporting()) {
      IdentifyNamespaceIndependent.anagrpid(page, namespace.nsid());
    }
  }

  /** Active namespaces above {@code after}, in order. */
  static void activeNamespaces(long page, Subsystem subsystem, long after) {
    int index = 0;
    for (Namespace namespace : subsystem.namespaces()) {
      if (namespace.nsid() > after && index < NamespaceList.MAX_ENTRIES) {
        NamespaceList.nsid(page, index++, namespace.nsid());
      }
    }
  }

  static void namespaceDescriptors(long page, Namespace namespace) {
    long at = page;
    if (namespace.eui64() != 0) {
      at = NamespaceIdDescriptor.putEui64(at, namespace.eui64());
    }
    at = NamespaceIdDescriptor.put(at, NamespaceIdDescriptor.NGUID, namespace.nguid());
    at = NamespaceIdDescriptor.put(at, NamespaceIdDescriptor.UUID, namespace.uuid());
    NamespaceIdDescriptor.putCsi(at, IdentifyCommand.CSI_NVM);
  }

  private static boolean deallocates(Controller controller) {
    return controller.subsystem().namespaces().stream()
        .allMatch(n -> n.bdev().ioTypeSupported(IoType.UNMAP));
  }

  /** Linux deallocates where DMRSL is not 0, whatever ONCS says. */
  static void nvmController(long page, Controller controller) {
    SubsystemOptions subsystem = controller.subsystem().options();
    IdentifyNvmController.wzsl(page, subsystem.wzsl());
    IdentifyNvmController.dmrsl(page, deallocates(controller) ? subsystem.dmrsl() : 0);
  }

  /** One combination: the NVM command set alone. */
  static void ioCommandSets(long page) {
    NativeMemory.putLong(page, 1L << IdentifyCommand.CSI_NVM);
  }
}

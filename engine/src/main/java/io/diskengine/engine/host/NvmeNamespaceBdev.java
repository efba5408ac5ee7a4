package io.diskengine.engine.host;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.Done;
import io.diskengine.engine.bdev.DriverChannel;
import io.diskengine.engine.bdev.IoType;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.nvme.IdentifyControllerIo;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A namespace as a device, reached over one or more controllers. */
public final class NvmeNamespaceBdev extends Bdev {
  /** Largest I/O where the controller has no limit of its own. */
  private static final long MOST_TRANSFER_BYTES = 1 << 20;

  /** NLB has 16 bits, 0's based. */
  private static final long MOST_COMMAND_BLOCKS = 1 << 16;

  private static final long MOST_RANGE_BLOCKS = 0xffff_ffffL;
  private static final int MOST_IOVECS = 64;

  private final ControllerGroup group;
  private final NamespaceData namespace;
  private final ControllerData controllerData;
  private final long maxTransferBlocks;
  private final long mostUnmapBlocks;
  private final long mostWriteZeroesBlocks;
  private volatile List<NvmeController> paths;

  NvmeNamespaceBdev(ControllerGroup group, NamespaceData namespace, NvmeController first) {
    super(
        group.name() + "n" + Integer.toUnsignedString(namespace.nsid()),
        "NVMe disk",
        namespace.uuid(),
        namespace.blockSizeBytes(),
        namespace.numBlocks());
    this.group = group;
    this.namespace = namespace;
    this.controllerData = first.data();
    this.paths = List.of(first);
    ControllerSetup.Result limits = first.setup();
    long blockSize = namespace.blockSizeBytes();
    long bytes = Math.min(controllerData.maxTransferBytes(), MOST_TRANSFER_BYTES);
    maxTransferBlocks = Math.clamp(bytes / blockSize, 1, MOST_COMMAND_BLOCKS);
    mostUnmapBlocks = orMost(limits.mostUnmapBlocks(), MOST_RANGE_BLOCKS);
    mostWriteZeroesBlocks = orMost(limits.mostWriteZeroesBytes() / blockSize, MOST_COMMAND_BLOCKS);
  }

  private static long orMost(long limit, long most) {
    return limit <= 0 ? most : Math.min(limit, most);
  }

  int nsid() {
    return namespace.nsid();
  }

  NamespaceData namespace() {
    return namespace;
  }

  /** In order of preference. */
  List<NvmeController> paths() {
    return paths;
  }

  void paths(List<NvmeController> now) {
    paths = now;
  }

  long mostUnmapBlocks() {
    return mostUnmapBlocks;
  }

  long mostWriteZeroesBlocks() {
    return mostWriteZeroesBlocks;
  }

  int retryCount() {
    return group.host().options().bdevRetryCount();
  }

  Reactor home() {
    return group.host().home();
  }

  /** Home reactor: resets every path. */
  void reset(Done done) {
    group.reset(done);
  }

  @Override
  protected DriverChannel openChannel(Reactor reactor) {
    return new NvmeBdevChannel(this, reactor);
  }

  @Override
  protected boolean supports(IoType type) {
    return switch (type) {
      case READ, WRITE, FLUSH, RESET, ABORT -> true;
      case UNMAP -> controllerData.has(IdentifyControllerIo.ONCS_DATASET_MANAGEMENT);
      case WRITE_ZEROES -> controllerData.has(IdentifyControllerIo.ONCS_WRITE_ZEROES);
    };
  }

  @Override
  public long maxTransferBlocks() {
    return maxTransferBlocks;
  }

  @Override
  public int maxIovCount() {
    return MOST_IOVECS;
  }

  @Override
  public boolean writeCache() {
    return controllerData.writeCache();
  }

  @Override
  public Map<String, Object> driverSpecific() {
    Map<String, Object> members = new LinkedHashMap<>();
    members.put("nvme", paths.stream().map(this::path).toList());
    members.put("mp_policy", "active_passive");
    return members;
  }

  private Map<String, Object> path(NvmeController controller) {
    ControllerData data = controller.data();
    Map<String, Object> oacs = new LinkedHashMap<>();
    oacs.put("security", data.oacs() & 1);
    oacs.put("format", data.oacs() >>> 1 & 1);
    oacs.put("firmware", data.oacs() >>> 2 & 1);
    oacs.put("ns_manage", data.oacs() >>> 3 & 1);
    Map<String, Object> ctrlr = new LinkedHashMap<>();
    ctrlr.put("cntlid", controller.cntlid());
    ctrlr.put("vendor_id", "0x%04x".formatted(data.vid()));
    ctrlr.put("model_number", data.model());
    ctrlr.put("serial_number", data.serial());
    ctrlr.put("firmware_revision", data.firmware());
    ctrlr.put("subnqn", data.subnqn());
    ctrlr.put("oacs", oacs);
    ctrlr.put("multi_ctrlr", data.multiController());
    ctrlr.put("ana_reporting", data.anaReporting());
    Map<String, Object> members = new LinkedHashMap<>();
    members.put("trid", controller.spec().trid().description());
    members.put("ctrlr_data", ctrlr);
    members.put("vs", Map.of("nvme_version", data.versionText()));
    Map<String, Object> ns = new LinkedHashMap<>();
    ns.put("id", nsid());
    ns.put("can_share", namespace.canShare());
    members.put("ns_data", ns);
    return members;
  }
}

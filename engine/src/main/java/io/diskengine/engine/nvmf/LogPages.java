package io.diskengine.engine.nvmf;

import io.diskengine.nvme.AdminOpcode;
import io.diskengine.nvme.AnaGroupDescriptor;
import io.diskengine.nvme.AnaLogPage;
import io.diskengine.nvme.CommandEffectsLogPage;
import io.diskengine.nvme.DiscoveryLogEntry;
import io.diskengine.nvme.DiscoveryLogPage;
import io.diskengine.nvme.ErrorLogEntry;
import io.diskengine.nvme.GetLogPageCommand;
import io.diskengine.nvme.HealthLogPage;
import io.diskengine.nvme.NamespaceList;
import io.diskengine.nvme.NativeMemory;
import io.diskengine.nvme.NvmOpcode;
import io.diskengine.nvme.NvmeStatus;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Get Log Page: each page is made whole, then the part that was asked for is copied. */
final class LogPages {
  private static final int ERROR_ENTRIES = 128;
  private static final int FIRMWARE_SLOT_BYTES = 512;

  /** Kelvin; there is no sensor. */
  private static final int TEMPERATURE = 273;

  private LogPages() {}

  private interface Page {
    void fill(long at);
  }

  /** Fills the request's buffer, which is zeroed; returns a status. */
  static int execute(NvmfRequest request, Controller controller, NvmfTarget target) {
    int lid = GetLogPageCommand.lid(request.sqe);
    if (GetLogPageCommand.lengthBytes(request.sqe) > request.dataBytes) {
      return NvmeStatus.INVALID_FIELD | NvmeStatus.DNR;
    }
    Subsystem subsystem = controller.subsystem();
    int status;
    if (subsystem.isDiscovery()) {
      status =
          lid == GetLogPageCommand.DISCOVERY
              ? discovery(request, controller, target)
              : NvmeStatus.INVALID_FIELD | NvmeStatus.DNR;
    } else {
      status = ofSubsystem(request, controller, lid);
    }
    if (status == NvmeStatus.SUCCESS && !GetLogPageCommand.rae(request.sqe)) {
      controller.logPageRead(lid);
    }
    return status;
  }

  private static int ofSubsystem(NvmfRequest request, Controller controller, int lid) {
    return switch (lid) {
      case GetLogPageCommand.ERROR -> answer(request, ERROR_ENTRIES * ErrorLogEntry.SIZE, at -> {});
      case GetLogPageCommand.HEALTH_INFORMATION ->
          answer(request, HealthLogPage.SIZE, at -> HealthLogPage.temperature(at, TEMPERATURE));
      case GetLogPageCommand.FIRMWARE_SLOT ->
          answer(request, FIRMWARE_SLOT_BYTES, at -> NativeMemory.putByte(at, (byte) 1));
      case GetLogPageCommand.CHANGED_NAMESPACE_LIST -> changedNamespaces(request, controller);
      case GetLogPageCommand.COMMAND_EFFECTS ->
          answer(request, CommandEffectsLogPage.SIZE, LogPages::effects);
      case GetLogPageCommand.ASYMMETRIC_NAMESPACE_ACCESS ->
          controller.subsystem().options().anaReporting()
              ? ana(request, controller)
              : NvmeStatus.INVALID_FIELD | NvmeStatus.DNR;
      default -> NvmeStatus.INVALID_FIELD | NvmeStatus.DNR;
    };
  }

  private static int answer(NvmfRequest request, long pageBytes, Page page) {
    long offset = GetLogPageCommand.offset(request.sqe);
    long bytes =
        GetLogPageCommand.bytesInPage(
            pageBytes, offset, GetLogPageCommand.lengthBytes(request.sqe));
    if (bytes < 0) {
      return NvmeStatus.INVALID_FIELD | NvmeStatus.DNR;
    }
    try (Arena arena = Arena.ofConfined()) {
      long at = arena.allocate(pageBytes, 8).address();
      page.fill(at);
      NativeMemory.copy(at + offset, request.buffer, bytes);
    }
    return NvmeStatus.SUCCESS;
  }

  /** Reading the list empties it. */
  private static int changedNamespaces(NvmfRequest request, Controller controller) {
    Set<Integer> changed = controller.changedNamespaces();
    int status =
        answer(
            request,
            NamespaceList.SIZE,
            at -> {
              if (changed.size() > NamespaceList.MAX_ENTRIES) {
                NamespaceList.nsid(at, 0, NamespaceList.MORE_THAN_FIT);
                return;
              }
              int index = 0;
              for (int nsid : changed.stream().sorted().toList()) {
                NamespaceList.nsid(at, index++, nsid);
              }
            });
    changed.clear();
    return status;
  }

  private static void effects(long at) {
    for (int opcode :
        new int[] {
          AdminOpcode.GET_LOG_PAGE,
          AdminOpcode.IDENTIFY,
          AdminOpcode.ABORT,
          AdminOpcode.SET_FEATURES,
          AdminOpcode.GET_FEATURES,
          AdminOpcode.ASYNC_EVENT_REQUEST,
          AdminOpcode.KEEP_ALIVE
        }) {
      CommandEffectsLogPage.adminEffects(at, opcode, CommandEffectsLogPage.CSUPP);
    }
    CommandEffectsLogPage.ioEffects(at, NvmOpcode.FLUSH, CommandEffectsLogPage.CSUPP);
    CommandEffectsLogPage.ioEffects(at, NvmOpcode.READ, CommandEffectsLogPage.CSUPP);
    for (int opcode :
        new int[] {NvmOpcode.WRITE, NvmOpcode.WRITE_ZEROES, NvmOpcode.DATASET_MANAGEMENT}) {
      CommandEffectsLogPage.ioEffects(
          at, opcode, CommandEffectsLogPage.CSUPP | CommandEffectsLogPage.LBCC);
    }
  }

  /** One group per namespace, as in SPDK: the group's identifier is the namespace's. */
  private static int ana(NvmfRequest request, Controller controller) {
    List<Namespace> namespaces = List.copyOf(controller.subsystem().namespaces());
    boolean groupsOnly =
        GetLogPageCommand.lsp(request.sqe) == GetLogPageCommand.LSP_RETURN_GROUPS_ONLY;
    int perGroup = AnaGroupDescriptor.SIZE + (groupsOnly ? 0 : 4);
    return answer(
        request,
        AnaLogPage.SIZE + (long) namespaces.size() * perGroup,
        at -> {
          AnaLogPage.nagd(at, namespaces.size());
          long group = at + AnaLogPage.SIZE;
          for (Namespace namespace : namespaces) {
            AnaGroupDescriptor.agid(group, namespace.nsid());
            AnaGroupDescriptor.state(group, controller.anaState());
            if (!groupsOnly) {
              AnaGroupDescriptor.nnsid(group, 1);
              AnaGroupDescriptor.nsid(group, 0, namespace.nsid());
            }
            group = AnaGroupDescriptor.next(group);
          }
        });
  }

  // ---- discovery

  private record Entry(Subsystem subsystem, NvmfAddress address) {}

  /** Every listener of every subsystem that this host may connect to. */
  private static int discovery(NvmfRequest request, Controller controller, NvmfTarget target) {
    List<Entry> entries = new ArrayList<>();
    for (Subsystem subsystem : target.subsystems()) {
      if (!subsystem.isDiscovery() && subsystem.isHostAllowed(controller.hostnqn())) {
        subsystem.listeners().forEach(l -> entries.add(new Entry(subsystem, l.address())));
      }
    }
    return answer(
        request,
        DiscoveryLogPage.totalBytes(entries.size()),
        at -> {
          DiscoveryLogPage.genctr(at, target.discoveryGeneration());
          DiscoveryLogPage.numrec(at, entries.size());
          for (int i = 0; i < entries.size(); i++) {
            entry(DiscoveryLogPage.entry(at, i), i, entries.get(i), controller.options());
          }
        });
  }

  private static void entry(long at, int index, Entry entry, TransportOptions options) {
    DiscoveryLogEntry.trtype(at, DiscoveryLogEntry.TRTYPE_TCP);
    DiscoveryLogEntry.adrfam(
        at,
        entry.address().isIpv6() ? DiscoveryLogEntry.ADRFAM_IPV6 : DiscoveryLogEntry.ADRFAM_IPV4);
    DiscoveryLogEntry.subtype(at, DiscoveryLogEntry.SUBTYPE_NVME);
    DiscoveryLogEntry.treq(at, DiscoveryLogEntry.TREQ_NOT_REQUIRED);
    DiscoveryLogEntry.portid(at, index);
    DiscoveryLogEntry.cntlid(at, DiscoveryLogEntry.CNTLID_DYNAMIC);
    DiscoveryLogEntry.asqsz(at, options.maxAqDepth());
    DiscoveryLogEntry.trsvcid(at, entry.address().trsvcid());
    DiscoveryLogEntry.subnqn(at, entry.subsystem().nqn());
    DiscoveryLogEntry.traddr(at, entry.address().traddr());
    DiscoveryLogEntry.tsasSectype(at, DiscoveryLogEntry.SECTYPE_NONE);
  }
}

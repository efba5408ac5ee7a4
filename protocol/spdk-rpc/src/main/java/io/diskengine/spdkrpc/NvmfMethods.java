package io.diskengine.spdkrpc;

import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The NVMe-oF target. A refused call here often has no reason at all: look before and after. */
public final class NvmfMethods {
  private NvmfMethods() {}

  /** {@code nvmf_create_transport}; sizes in bytes. */
  public record CreateTransport(
      String trtype,
      @Nullable Integer maxQueueDepth,
      @Nullable Integer maxIoQpairsPerCtrlr,
      @Nullable Integer inCapsuleDataSize,
      @Nullable Integer maxIoSize,
      @Nullable Integer maxAqDepth,
      @Nullable Boolean zcopy,
      @Nullable Boolean c2hSuccess,
      @Nullable Integer sockPriority,
      @Nullable Integer abortTimeoutSec,
      @Nullable Integer ackTimeout,
      @Nullable Integer kas,
      @Nullable Integer minKato) {

    public CreateTransport(String trtype) {
      this(trtype, null, null, null, null, null, null, null, null, null, null, null, null);
    }
  }

  /**
   * @param iobufSmallCacheSize 4294967295 is "the default"
   * @param kas keep-alive granularity in 100 ms
   * @param minKato shortest keep-alive timeout in ms
   */
  public record Transport(
      String trtype,
      @Nullable Integer maxQueueDepth,
      @Nullable Integer maxIoQpairsPerCtrlr,
      @Nullable Integer inCapsuleDataSize,
      @Nullable Integer maxIoSize,
      @Nullable Integer maxAqDepth,
      @Nullable Long iobufSmallCacheSize,
      @Nullable Long iobufLargeCacheSize,
      @Nullable Boolean difInsertOrStrip,
      @Nullable Boolean zcopy,
      @Nullable Boolean c2hSuccess,
      @Nullable Integer sockPriority,
      @Nullable Integer abortTimeoutSec,
      @Nullable Integer ackTimeout,
      @Nullable Integer dataWrPoolSize,
      @Nullable Boolean disableCommandPassthru,
      @Nullable Integer kas,
      @Nullable Integer minKato) {}

  /** {@code nvmf_create_subsystem}. */
  public record CreateSubsystem(
      String nqn,
      @Nullable Boolean allowAnyHost,
      @Nullable String serialNumber,
      @Nullable String modelNumber,
      @Nullable Integer maxNamespaces,
      @Nullable Integer minCntlid,
      @Nullable Integer maxCntlid,
      @Nullable Boolean anaReporting) {

    public CreateSubsystem(String nqn, boolean allowAnyHost) {
      this(nqn, allowAnyHost, null, null, null, null, null, null);
    }
  }

  /**
   * One element of {@code nvmf_get_subsystems}; the discovery subsystem has the first five members
   * only.
   */
  public record Subsystem(
      String nqn,
      String subtype,
      List<Trid> listenAddresses,
      boolean allowAnyHost,
      List<Host> hosts,
      @Nullable String serialNumber,
      @Nullable String modelNumber,
      @Nullable Long maxNamespaces,
      @Nullable Boolean passthrough,
      @Nullable Integer minCntlid,
      @Nullable Integer maxCntlid,
      @Nullable Long dmrsl,
      @Nullable Integer wzsl,
      @Nullable List<SubsystemNamespace> namespaces) {

    /** The namespaces, none for the discovery subsystem. */
    public List<SubsystemNamespace> namespacesOrNone() {
      return namespaces == null ? List.of() : namespaces;
    }
  }

  public record Host(String nqn, @Nullable String dhchapKey, @Nullable String dhchapCtrlrKey) {}

  /**
   * @param nguid 32 hexadecimal digits, upper case
   */
  public record SubsystemNamespace(
      int nsid,
      @Nullable String bdevName,
      @Nullable String name,
      @Nullable String nguid,
      @Nullable String eui64,
      @Nullable UUID uuid,
      @Nullable Integer anagrpid) {}

  /** What {@code nvmf_subsystem_add_ns} exports. */
  public record Namespace(
      String bdevName,
      @Nullable Integer nsid,
      @Nullable String nguid,
      @Nullable String eui64,
      @Nullable UUID uuid,
      @Nullable String ptplFile,
      @Nullable Integer anagrpid) {

    public Namespace(String bdevName) {
      this(bdevName, null, null, null, null, null, null);
    }

    public Namespace(String bdevName, int nsid, String nguid, UUID uuid) {
      this(bdevName, nsid, nguid, null, uuid, null, null);
    }
  }

  private record AddNs(String nqn, Namespace namespace) {}

  private record RemoveNs(String nqn, int nsid) {}

  private record Listener(String nqn, Trid listenAddress, @Nullable String anaState) {}

  private record HostAccess(String nqn, String host, @Nullable Long timeoutMs) {}

  /** One connected controller of a host. */
  public record Controller(
      int cntlid,
      @Nullable String cntrltype,
      String hostnqn,
      @Nullable UUID hostid,
      @Nullable Integer numIoQpairs) {}

  /**
   * @param anaStates one per ANA group; absent without {@code ana_reporting}
   */
  public record SubsystemListener(Trid address, @Nullable List<AnaGroupState> anaStates) {}

  /**
   * @param anaState {@code optimized}, {@code non_optimized}, {@code inaccessible}
   */
  public record AnaGroupState(int anaGroup, String anaState) {}

  /** A start-up method. */
  public static RpcRequest<Boolean> setMaxSubsystems(int maxSubsystems) {
    return RpcRequest.of(
        "nvmf_set_max_subsystems", Map.of("max_subsystems", maxSubsystems), Boolean.class);
  }

  public static RpcRequest<Boolean> createTransport(CreateTransport params) {
    return RpcRequest.of("nvmf_create_transport", params, Boolean.class);
  }

  public static RpcRequest<List<Transport>> transports() {
    return RpcRequest.listOf("nvmf_get_transports", null, Transport.class);
  }

  public static RpcRequest<List<Transport>> transport(String trtype) {
    return RpcRequest.listOf("nvmf_get_transports", Map.of("trtype", trtype), Transport.class);
  }

  public static RpcRequest<Boolean> createSubsystem(CreateSubsystem params) {
    return RpcRequest.of("nvmf_create_subsystem", params, Boolean.class);
  }

  public static RpcRequest<Boolean> deleteSubsystem(String nqn) {
    return RpcRequest.of("nvmf_delete_subsystem", Map.of("nqn", nqn), Boolean.class);
  }

  public static RpcRequest<List<Subsystem>> subsystems() {
    return RpcRequest.listOf("nvmf_get_subsystems", null, Subsystem.class);
  }

  public static RpcRequest<List<Subsystem>> subsystem(String nqn) {
    return RpcRequest.listOf("nvmf_get_subsystems", Map.of("nqn", nqn), Subsystem.class);
  }

  /** The namespace's id. */
  public static RpcRequest<Integer> addNs(String nqn, Namespace namespace) {
    return RpcRequest.of("nvmf_subsystem_add_ns", new AddNs(nqn, namespace), Integer.class);
  }

  public static RpcRequest<Boolean> removeNs(String nqn, int nsid) {
    return RpcRequest.of("nvmf_subsystem_remove_ns", new RemoveNs(nqn, nsid), Boolean.class);
  }

  public static RpcRequest<Boolean> addListener(String nqn, Trid listenAddress) {
    return listener("nvmf_subsystem_add_listener", nqn, listenAddress, null);
  }

  /**
   * @param anaState of all groups, in a subsystem with {@code ana_reporting}
   */
  public static RpcRequest<Boolean> addListener(String nqn, Trid listenAddress, String anaState) {
    return listener("nvmf_subsystem_add_listener", nqn, listenAddress, anaState);
  }

  public static RpcRequest<Boolean> removeListener(String nqn, Trid listenAddress) {
    return listener("nvmf_subsystem_remove_listener", nqn, listenAddress, null);
  }

  public static RpcRequest<Boolean> setAnaState(String nqn, Trid listenAddress, String anaState) {
    return listener("nvmf_subsystem_listener_set_ana_state", nqn, listenAddress, anaState);
  }

  public static RpcRequest<Boolean> addHost(String nqn, String hostNqn) {
    return RpcRequest.of(
        "nvmf_subsystem_add_host", new HostAccess(nqn, hostNqn, null), Boolean.class);
  }

  /** Also disconnects the host's controllers; answers when they are gone. */
  public static RpcRequest<Boolean> removeHost(String nqn, String hostNqn) {
    return RpcRequest.of(
        "nvmf_subsystem_remove_host", new HostAccess(nqn, hostNqn, null), Boolean.class);
  }

  /** As {@link #removeHost(String, String)}, giving up after {@code timeoutMs}. */
  public static RpcRequest<Boolean> removeHost(String nqn, String hostNqn, long timeoutMs) {
    return RpcRequest.of(
        "nvmf_subsystem_remove_host", new HostAccess(nqn, hostNqn, timeoutMs), Boolean.class);
  }

  public static RpcRequest<List<Controller>> controllers(String nqn) {
    return RpcRequest.listOf(
        "nvmf_subsystem_get_controllers", Map.of("nqn", nqn), Controller.class);
  }

  public static RpcRequest<List<SubsystemListener>> listeners(String nqn) {
    return RpcRequest.listOf(
        "nvmf_subsystem_get_listeners", Map.of("nqn", nqn), SubsystemListener.class);
  }

  private static RpcRequest<Boolean> listener(
      String method, String nqn, Trid address, @Nullable String anaState) {
    return RpcRequest.of(
        method, new Listener(nqn, address.withSubnqn(null), anaState), Boolean.class);
  }
}

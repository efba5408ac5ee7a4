package io.diskengine.engine.host;

import io.diskengine.engine.bdev.BdevChannel;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.bdev.Done;
import io.diskengine.engine.linux.Errno;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.nvme.Nqn;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * All controllers of the engine; what SPDK's {@code bdev_nvme_*} methods work on. Home reactor.
 *
 * <p>Silent peers: a controller whose keep-alive is not answered in time is given up like one whose
 * connection broke; nothing blocks meanwhile. With the constants below the controllers of a peer
 * that falls silent leave {@code enabled} after 3 to 5.5 seconds; who asks is {@link PeerWatch}'s.
 */
public final class NvmeHost {
  /** How long a keep-alive may stay unanswered. */
  public static final long KEEP_ALIVE_DEADLINE_NS = 3_000_000_000L;

  /** How often one of the controllers behind an address sends one at least. */
  public static final long KEEP_ALIVE_INTERVAL_NS = 1_500_000_000L;

  /** How long any other admin command may stay unanswered. */
  public static final long ADMIN_DEADLINE_NS = 10_000_000_000L;

  /** From connect(2) to the answer of Connect. */
  public static final long CONNECT_DEADLINE_NS = 5_000_000_000L;

  /** Namespaces of one controller; further ones are not looked at. */
  public static final int MOST_NAMESPACES = 4096;

  /** SPDK's SPDK_CONTROLLER_NAME_MAX, with its terminating NUL. */
  static final int NAME_LIMIT = 512;

  /** How often answers that are out are looked at. */
  static final long TICK_NS = 500_000_000L;

  private static final int EALREADY = -Errno.EALREADY;

  /** The end of an attach: 0 and the devices that are there now, or a negative errno. */
  public interface Attached {
    void attached(int errno, List<String> bdevs);
  }

  /** The same host's connection to the same subsystem and place is there once. */
  private record Path(TransportId trid, String hostnqn) {
    static Path of(AttachSpec spec) {
      return new Path(spec.trid(), spec.hostnqn());
    }
  }

  private record GoneWaiter(List<NvmeController> left, Runnable gone) {}

  private final BdevLayer layer;
  private final Map<String, ControllerGroup> groups = new LinkedHashMap<>();
  private final Set<Path> paths = new HashSet<>();
  private final List<GoneWaiter> goneWaiters = new ArrayList<>();
  private final AdminBuffers buffers = new AdminBuffers();
  private final Liveness liveness = new Liveness(this);
  private final String defaultHostnqn = Nqn.UUID_PREFIX + UUID.randomUUID();
  private NvmeOptions options = NvmeOptions.DEFAULT;

  public NvmeHost(BdevLayer layer) {
    this.layer = layer;
  }

  BdevLayer layer() {
    return layer;
  }

  Reactor home() {
    return layer.home();
  }

  Liveness liveness() {
    return liveness;
  }

  AdminBuffers buffers() {
    return buffers;
  }

  public NvmeOptions options() {
    return options;
  }

  /** The host NQN of controllers for which none is given; a new one for each process. */
  public String defaultHostnqn() {
    return defaultHostnqn;
  }

  /**
   * @throws BdevException EPERM while a controller is attached, EINVAL against SPDK's rules
   */
  public void options(NvmeOptions next) throws BdevException {
    if (!groups.isEmpty()) {
      throw new BdevException(
          BdevException.EPERM, "RPC not permitted with nvme controllers already attached");
    }
    if (!next.isValid()) {
      throw new BdevException(BdevException.EINVAL, "Invalid argument");
    }
    options = next;
  }

  // ---- attach

  /**
   * Attaches a controller, or a further path to one; asynchronous from the first byte on.
   *
   * @throws BdevException for what is refused at once, with SPDK's errno and, for EALREADY and
   *     EINVAL, SPDK's text
   */
  public void attach(AttachSpec spec, Attached attached) throws BdevException {
    ControllerGroup group = groups.get(spec.name());
    if (group != null) {
      checkFurtherPath(group, spec);
    }
    if (paths.contains(Path.of(spec))) {
      throw new BdevException(BdevException.EEXIST, "File exists");
    }
    if (spec.name().isEmpty() || spec.name().length() >= NAME_LIMIT || !spec.timers().isValid()) {
      throw new BdevException(BdevException.EINVAL, "Invalid argument");
    }
    ControllerGroup into = group == null ? new ControllerGroup(this, spec) : group;
    into.attach(spec, attached);
    groups.putIfAbsent(spec.name(), into);
  }

  private static void checkFurtherPath(ControllerGroup group, AttachSpec spec)
      throws BdevException {
    String already = "A controller named " + spec.name() + " already exists";
    if (spec.multipath() == AttachSpec.Multipath.DISABLE) {
      throw new BdevException(EALREADY, already + " and multipath is disabled");
    }
    for (NvmeController other : group.all()) {
      if (other.spec().samePath(spec)) {
        throw new BdevException(EALREADY, already + " with the specified network path");
      }
    }
    AttachSpec first = group.first();
    if (!first.trid().subnqn().equals(spec.trid().subnqn())) {
      throw new BdevException(
          BdevException.EINVAL,
          already + ", but uses a different subnqn (" + first.trid().subnqn() + ")");
    }
    if (!first.hostnqn().equals(spec.hostnqn())) {
      throw new BdevException(
          BdevException.EINVAL,
          already + ", but uses a different hostnqn (" + first.hostnqn() + ")");
    }
    if (spec.multipath() == AttachSpec.Multipath.FAILOVER) {
      throw new BdevException(
          BdevException.EINVAL,
          "multipath mode failover is not implemented for a further path; use multipath");
    }
    if (first.multipath() != spec.multipath()) {
      throw new BdevException(BdevException.EINVAL, "Invalid argument");
    }
  }

  // ---- look up

  /** Names with an attached controller, in the order of their attachment. */
  public Collection<ControllerGroup> groups() {
    List<ControllerGroup> attached = new ArrayList<>(groups.size());
    for (ControllerGroup group : groups.values()) {
      if (!group.controllers().isEmpty()) {
        attached.add(group);
      }
    }
    return attached;
  }

  /** The attached controller with this name, or null. */
  public @Nullable ControllerGroup find(String name) {
    ControllerGroup group = groups.get(name);
    return group == null || group.controllers().isEmpty() ? null : group;
  }

  /** One path of a name, as bdev_nvme_get_controllers shows it. */
  public record PathDescription(String state, int cntlid, AttachSpec spec) {}

  public List<PathDescription> paths(ControllerGroup group) {
    return group.controllers().stream()
        .map(c -> new PathDescription(c.stateText(), c.cntlid(), c.spec()))
        .toList();
  }

  /** Adds what {@link #paths} is made of. */
  public void describe(ControllerGroup group, List<@Nullable Object> to) {
    for (NvmeController controller : group.controllers()) {
      to.add(controller.stateText());
      to.add(controller.cntlid());
      to.add(controller.spec());
    }
  }

  /** Model, serial number and firmware of a controller, for replies. */
  public record Identity(String model, String serial, String firmware, String traddr) {}

  public Identity identity(ControllerGroup group) {
    NvmeController first = group.controllers().getFirst();
    ControllerData data = first.data();
    return new Identity(data.model(), data.serial(), data.firmware(), first.spec().trid().traddr());
  }

  /** {@code read} gets the address of {@code bytes} of the health log page, 0 on failure. */
  public void healthPage(ControllerGroup group, int bytes, LongConsumer read) {
    group.controllers().getFirst().healthPage(bytes, read);
  }

  /** One path of one device on one reactor that has a channel. */
  public record IoPath(
      int reactor,
      String bdevName,
      int cntlid,
      boolean current,
      boolean connected,
      TransportId trid) {}

  /** The paths of one device, or of all with null, reactor by reactor. */
  public void ioPaths(@Nullable String bdevName, Consumer<List<IoPath>> done) {
    List<NvmeNamespaceBdev> chosen =
        groups.values().stream()
            .flatMap(group -> group.bdevs().stream())
            .filter(bdev -> bdevName == null || layer.find(bdevName) == bdev)
            .toList();
    collectIoPaths(chosen, 0, new ArrayList<>(), done);
  }

  private void collectIoPaths(
      List<NvmeNamespaceBdev> bdevs, int at, List<IoPath> found, Consumer<List<IoPath>> done) {
    if (at == bdevs.size()) {
      done.accept(found);
      return;
    }
    layer.forEachChannel(
        bdevs.get(at),
        (channel, next) -> {
          describe(channel, found);
          next.run();
        },
        () -> collectIoPaths(bdevs, at + 1, found, done));
  }

  private static void describe(@Nullable BdevChannel channel, List<IoPath> found) {
    if (channel == null || !(channel.driver() instanceof NvmeBdevChannel driver)) {
      return;
    }
    for (NvmeController controller : driver.bdev().paths()) {
      ControllerChannel path = controller.existingChannel(channel.reactor());
      found.add(
          new IoPath(
              channel.reactor().index(),
              driver.bdev().name(),
              controller.cntlid(),
              path != null && path == driver.current(),
              path != null && path.qpair() != null,
              controller.spec().trid()));
    }
  }

  // ---- detach

  /** Which paths of a name a detach means; members that are null mean any. */
  public record PathFilter(
      @Nullable String trtype,
      @Nullable String adrfam,
      @Nullable String traddr,
      @Nullable String trsvcid,
      @Nullable String subnqn,
      @Nullable String hostaddr,
      @Nullable String hostsvcid) {
    boolean matches(AttachSpec spec) {
      TransportId trid = spec.trid();
      return (trtype == null || trtype.equalsIgnoreCase(trid.trtype()))
          && (adrfam == null || adrfam.equalsIgnoreCase(trid.adrfam()))
          && (traddr == null || traddr.equals(trid.traddr()))
          && (trsvcid == null || trsvcid.equals(trid.trsvcid()))
          && (subnqn == null || subnqn.equals(trid.subnqn()))
          && (hostaddr == null || hostaddr.equals(spec.hostaddr()))
          && (hostsvcid == null || hostsvcid.equals(spec.hostsvcid()));
    }
  }

  /** Answers when the paths are gone, ENODEV for an unknown name, ENXIO for unknown paths. */
  public void detach(String name, PathFilter filter, Done done) {
    ControllerGroup group = find(name);
    if (group == null) {
      done.done(BdevException.ENODEV);
      return;
    }
    List<NvmeController> chosen =
        group.controllers().stream().filter(c -> filter.matches(c.spec())).toList();
    if (chosen.isEmpty()) {
      done.done(-Errno.ENXIO);
    } else {
      group.detach(chosen, done);
    }
  }

  /** Runs {@code gone} once none of the controllers exists any more. */
  void whenGone(List<NvmeController> controllers, Runnable gone) {
    goneWaiters.add(new GoneWaiter(new ArrayList<>(controllers), gone));
  }

  void attaching(NvmeController controller) {
    liveness.add(controller);
    paths.add(Path.of(controller.spec()));
  }

  void gone(ControllerGroup group, NvmeController controller) {
    liveness.remove(controller);
    paths.remove(Path.of(controller.spec()));
    if (group.isEmpty()) {
      groups.remove(group.name(), group);
    }
    for (GoneWaiter waiter : List.copyOf(goneWaiters)) {
      if (waiter.left().remove(controller) && waiter.left().isEmpty()) {
        goneWaiters.remove(waiter);
        waiter.gone().run();
      }
    }
  }

  /** A clean stop: detaches everything; what does not go within the limit is abandoned. */
  public void stop(Runnable done) {
    int[] pending = {1};
    Runnable one =
        () -> {
          if (--pending[0] == 0) {
            done.run();
          }
        };
    for (ControllerGroup group : List.copyOf(groups.values())) {
      pending[0]++;
      if (group.controllers().isEmpty()) {
        one.run(); // never attached; its connection ends with the reactors
      } else {
        group.detach(List.copyOf(group.controllers()), errno -> one.run());
      }
    }
    one.run();
  }
}

package io.diskengine.engine.nvmf;

import io.diskengine.engine.bdev.BdevDesc;
import io.diskengine.engine.bdev.BdevEvents;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.reactor.Timer;
import io.diskengine.nvme.AnaGroupDescriptor;
import io.diskengine.nvme.Nqn;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * An NVM subsystem, or the discovery subsystem: who may connect where, and to which namespaces.
 * Home reactor, except {@link #options} and {@link #group}.
 */
public final class Subsystem implements BdevEvents {
  /** SPDK's NVMF_MAX_LISTENERS_PER_SUBSYSTEM. */
  static final int MAX_LISTENERS = 16;

  private final NvmfTarget target;
  private final SubsystemOptions options;
  private final SubsystemGroup[] groups;
  private final TreeMap<Integer, Namespace> namespaces = new TreeMap<>();
  private final Set<String> hosts = new LinkedHashSet<>();
  private final List<SubsystemListener> listeners = new ArrayList<>();
  private final List<Controller> controllers = new ArrayList<>();
  private boolean allowAnyHost;
  private State state = State.ACTIVE;
  private int nextCntlid;

  /** Changes happen while active: reactors learn of each by message, in order. */
  enum State {
    ACTIVE,
    /** Being deleted: nobody connects any more. */
    DEACTIVATING
  }

  Subsystem(NvmfTarget target, SubsystemOptions options) {
    this.target = target;
    this.options = options;
    this.allowAnyHost = options.allowAnyHost();
    this.nextCntlid = options.minCntlid();
    groups = new SubsystemGroup[target.reactors().size()];
    for (int i = 0; i < groups.length; i++) {
      groups[i] = new SubsystemGroup(options.maxNamespaces());
    }
  }

  public SubsystemOptions options() {
    return options;
  }

  public String nqn() {
    return options.nqn();
  }

  public boolean isDiscovery() {
    return Nqn.isDiscovery(nqn());
  }

  boolean isActive() {
    return state == State.ACTIVE;
  }

  /** The namespaces as the reactor with this index sees them. */
  SubsystemGroup group(int reactorIndex) {
    return groups[reactorIndex];
  }

  // ---- hosts

  public boolean allowAnyHost() {
    return allowAnyHost;
  }

  /** Nobody is disconnected by this, as in SPDK. */
  public void allowAnyHost(boolean allow) {
    allowAnyHost = allow;
    target.discoveryChanged();
  }

  public Collection<String> hosts() {
    return List.copyOf(hosts);
  }

  public boolean isHostAllowed(String hostnqn) {
    return allowAnyHost || hosts.contains(hostnqn);
  }

  /** False when the host is allowed already or its name is not valid. */
  public boolean addHost(String hostnqn) {
    boolean added = Nqn.isValid(hostnqn) && hosts.add(hostnqn);
    if (added) {
      target.discoveryChanged();
    }
    return added;
  }

  /** False when the host is not in the list. */
  public boolean removeHost(String hostnqn) {
    boolean removed = hosts.remove(hostnqn);
    if (removed) {
      target.discoveryChanged();
    }
    return removed;
  }

  /**
   * Cuts the host off: {@code done} gets true once its controllers, and with them its last I/O, are
   * gone, so that nothing of it is answered or changes a device any more; false when that takes
   * longer than the timeout.
   */
  public void disconnectHost(String hostnqn, long timeoutMs, HostGone done) {
    List<Controller> its = controllers.stream().filter(c -> c.hostnqn().equals(hostnqn)).toList();
    new Disconnection(its, timeoutMs, done).begin();
  }

  /** The end of {@link #disconnectHost}. */
  public interface HostGone {
    void gone(boolean inTime);
  }

  /** Waits for controllers to go, or for time to pass. */
  private final class Disconnection {
    private final List<Controller> leaving;
    private final long timeoutMs;
    private final HostGone done;
    private final Timer timer = Timer.of(() -> end(false));
    private int left;
    private boolean ended;

    Disconnection(List<Controller> leaving, long timeoutMs, HostGone done) {
      this.leaving = leaving;
      this.timeoutMs = timeoutMs;
      this.done = done;
    }

    void begin() {
      left = leaving.size();
      if (left == 0) {
        done.gone(true);
        return;
      }
      target.home().schedule(timer, timeoutMs * 1_000_000);
      leaving.forEach(c -> c.disconnect(this::oneGone));
    }

    private void oneGone() {
      if (--left == 0) {
        end(true);
      }
    }

    private void end(boolean inTime) {
      if (!ended) {
        ended = true;
        target.home().cancel(timer);
        done.gone(inTime);
      }
    }
  }

  // ---- controllers

  public List<Controller> controllers() {
    return List.copyOf(controllers);
  }

  /** An unused controller identifier, or 0 when all are in use. */
  int allocateCntlid() {
    int count = options.maxCntlid() - options.minCntlid() + 1;
    for (int i = 0; i < count; i++) {
      int cntlid = nextCntlid;
      nextCntlid = cntlid == options.maxCntlid() ? options.minCntlid() : cntlid + 1;
      if (controllers.stream().noneMatch(c -> c.cntlid() == cntlid)) {
        return cntlid;
      }
    }
    return 0;
  }

  @Nullable Controller controller(int cntlid) {
    return controllers.stream().filter(c -> c.cntlid() == cntlid).findFirst().orElse(null);
  }

  void add(Controller controller) {
    controllers.add(controller);
  }

  void remove(Controller controller) {
    controllers.remove(controller);
  }

  // ---- namespaces

  public Collection<Namespace> namespaces() {
    return namespaces.values().stream().filter(n -> !n.removing).toList();
  }

  @Nullable Namespace namespace(int nsid) {
    Namespace namespace = namespaces.get(nsid);
    return namespace == null || namespace.removing ? null : namespace;
  }

  /**
   * Exports a device; {@code done} gets the namespace once every reactor knows it.
   *
   * @param wantedNsid 0 for the first that is free
   */
  public void addNamespace(String bdevName, int wantedNsid, Namespace.Ids ids, IntConsumer done)
      throws BdevException {
    int nsid = wantedNsid == 0 ? firstFreeNsid() : wantedNsid;
    if (nsid < 1 || nsid > options.maxNamespaces() || namespaces.containsKey(nsid)) {
      throw new BdevException(
          BdevException.EINVAL, "namespace " + nsid + " of " + nqn() + " is taken or too high");
    }
    BdevDesc desc = target.layer().open(bdevName, true, this);
    if (Integer.bitCount(desc.bdev().blockSizeBytes()) != 1) {
      desc.close();
      throw new BdevException(BdevException.EINVAL, desc.bdev() + ": block size not 2^n");
    }
    try {
      desc.claim(Namespace.CLAIM);
    } catch (BdevException e) {
      desc.close();
      throw e;
    }
    Namespace namespace = new Namespace(nsid, desc, ids);
    namespaces.put(nsid, namespace);
    onEachReactor(
        (group, next) -> {
          group.add(namespace);
          next.run();
        },
        () -> {
          namespaceChanged(nsid);
          done.accept(nsid);
        });
  }

  private int firstFreeNsid() {
    for (int nsid = 1; nsid <= options.maxNamespaces(); nsid++) {
      if (!namespaces.containsKey(nsid)) {
        return nsid;
      }
    }
    return 0;
  }

  /**
   * Hosts are told, new I/O is refused, I/O in flight ends; then the device is closed and {@code
   * done} runs. False when there is no such namespace.
   */
  public boolean removeNamespace(int nsid, Runnable done) {
    Namespace namespace = namespace(nsid);
    if (namespace == null) {
      return false;
    }
    remove(namespace, done);
    return true;
  }

  private void remove(Namespace namespace, Runnable done) {
    namespace.removalWaiters.add(done);
    if (namespace.removing) {
      return;
    }
    namespace.removing = true;
    namespaceChanged(namespace.nsid());
    onEachReactor(
        (group, next) -> group.remove(namespace, next),
        () -> {
          namespaces.remove(namespace.nsid());
          namespace.desc().close();
          namespace.removalWaiters.forEach(Runnable::run);
        });
  }

  private void namespaceChanged(int nsid) {
    controllers.forEach(c -> c.namespaceChanged(nsid));
  }

  /** The device of a namespace goes away. */
  @Override
  public void removed(BdevDesc desc) {
    of(desc).ifPresent(namespace -> remove(namespace, () -> {}));
  }

  @Override
  public void resized(BdevDesc desc) {
    of(desc).ifPresent(namespace -> namespaceChanged(namespace.nsid()));
  }

  private Optional<Namespace> of(BdevDesc desc) {
    return namespaces.values().stream().filter(n -> n.desc() == desc).findFirst();
  }

  private interface GroupStep {
    void run(SubsystemGroup group, Runnable next);
  }

  /** Runs the step on every reactor at the same time, then {@code done} at home. */
  private void onEachReactor(GroupStep step, Runnable done) {
    Countdown all = new Countdown(groups.length, done);
    for (int i = 0; i < groups.length; i++) {
      SubsystemGroup group = groups[i];
      BdevLayer.crossTo(
          target.reactors().get(i),
          () -> step.run(group, () -> BdevLayer.crossTo(target.home(), all::one)));
    }
  }

  // ---- listeners

  public List<SubsystemListener> listeners() {
    return List.copyOf(listeners);
  }

  public Optional<SubsystemListener> listener(NvmfAddress address) {
    return listeners.stream().filter(l -> same(l.address(), address)).findFirst();
  }

  private static boolean same(NvmfAddress a, NvmfAddress b) {
    return a.traddr().equals(b.traddr()) && a.trsvcid().equals(b.trsvcid());
  }

  @Nullable SubsystemListener listener(Listener listener) {
    return listeners.stream().filter(l -> l.listener() == listener).findFirst().orElse(null);
  }

  /** EINVAL when the subsystem listens there already, has 16 listeners, or cannot. */
  public void addListener(NvmfAddress address, int anaState) throws BdevException {
    if (listener(address).isPresent() || listeners.size() == MAX_LISTENERS) {
      throw new BdevException(BdevException.EINVAL, nqn() + " listens there already");
    }
    listeners.add(new SubsystemListener(target.listen(address), anaState));
    target.discoveryChanged();
  }

  /** Disconnects the hosts that came this way; false when the subsystem does not listen there. */
  public boolean removeListener(NvmfAddress address, Runnable done) {
    Optional<SubsystemListener> found = listener(address);
    found.ifPresent(listener -> remove(listener, done));
    return found.isPresent();
  }

  private void remove(SubsystemListener listener, Runnable done) {
    listeners.remove(listener);
    target.discoveryChanged();
    List<Controller> its = controllers.stream().filter(c -> c.listener() == listener).toList();
    Countdown gone = new Countdown(its.size(), () -> target.unlisten(listener.listener(), done));
    its.forEach(c -> c.disconnect(gone::one));
  }

  /** EINVAL on a subsystem without ANA reporting. */
  public void anaState(SubsystemListener listener, int state) throws BdevException {
    if (!options.anaReporting()) {
      throw new BdevException(BdevException.EINVAL, nqn() + " does not report ANA states");
    }
    if (state < AnaGroupDescriptor.OPTIMIZED || state > AnaGroupDescriptor.INACCESSIBLE) {
      throw new BdevException(BdevException.EINVAL, "not an ANA state: " + state);
    }
    listener.anaState(state);
    controllers.stream().filter(c -> c.listener() == listener).forEach(Controller::anaChanged);
  }

  // ---- the end

  /** Disconnects all hosts, closes namespaces and listeners, then {@code done}. */
  void deactivate(Runnable done) {
    state = State.DEACTIVATING;
    Countdown disconnected =
        new Countdown(
            controllers.size(),
            () -> {
              List<Namespace> open = List.copyOf(namespaces.values());
              Countdown closed = new Countdown(open.size() + listeners.size(), done);
              open.forEach(n -> remove(n, closed::one));
              listeners().forEach(l -> remove(l, closed::one));
            });
    controllers().forEach(c -> c.disconnect(disconnected::one));
  }

  /** Runs something after {@code count} others; at once for none. */
  static final class Countdown {
    private int left;
    private final Runnable done;

    Countdown(int count, Runnable done) {
      this.left = count;
      this.done = done;
      if (count == 0) {
        done.run();
      }
    }

    void one() {
      if (--left == 0) {
        done.run();
      }
    }
  }
}

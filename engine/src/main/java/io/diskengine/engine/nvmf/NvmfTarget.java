package io.diskengine.engine.nvmf;

import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.nvme.Nqn;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The NVMe-oF target: subsystems, the TCP transport, its listeners and the reactors' poll groups.
 * Everything here is called on the home reactor, but {@link #home}.
 */
public final class NvmfTarget {
  /** SPDK's application default, nvmf_set_max_subsystems changes it. */
  public static final int DEFAULT_MAX_SUBSYSTEMS = 1024;

  /** Open connections of the whole target; the next one is closed at once. */
  static final int MAX_CONNECTIONS = 4096;

  static final Logger LOG = LoggerFactory.getLogger(NvmfTarget.class);

  private final BdevLayer layer;
  private final List<PollGroup> groups = new ArrayList<>();
  private final Map<String, Subsystem> subsystems = new LinkedHashMap<>();
  private final List<Listener> listeners = new ArrayList<>();
  private final FabricsCommands fabrics = new FabricsCommands(this);
  private final AdminCommands admin = new AdminCommands(this);
  private @Nullable TransportOptions transport;
  private int maxSubsystems = DEFAULT_MAX_SUBSYSTEMS;
  private long discoveryGeneration;
  private int nextGroup;
  private int connections;
  private boolean stopping;
  private @Nullable Runnable stopped;

  public NvmfTarget(BdevLayer layer) {
    this.layer = layer;
    layer.reactors().forEach(reactor -> groups.add(new PollGroup(this, reactor)));
    subsystems.put(Nqn.DISCOVERY, new Subsystem(this, SubsystemOptions.discovery(Nqn.DISCOVERY)));
  }

  BdevLayer layer() {
    return layer;
  }

  List<Reactor> reactors() {
    return layer.reactors();
  }

  Reactor home() {
    return layer.home();
  }

  // ---- configuration

  public int maxSubsystems() {
    return maxSubsystems;
  }

  public void maxSubsystems(int max) {
    maxSubsystems = max;
  }

  public Optional<TransportOptions> transport() {
    return Optional.ofNullable(transport);
  }

  /** EEXIST when there is one. */
  public void createTransport(TransportOptions options) throws BdevException {
    if (transport != null) {
      throw new BdevException(BdevException.EEXIST, "the TCP transport exists already");
    }
    transport = options;
  }

  /** The discovery subsystem first, then the others as they were created. */
  public List<Subsystem> subsystems() {
    return List.copyOf(subsystems.values());
  }

  public Optional<Subsystem> subsystem(String nqn) {
    return Optional.ofNullable(subsystems.get(nqn));
  }

  /** EINVAL for a name that is not valid, taken, or one too many. */
  public Subsystem createSubsystem(SubsystemOptions options) throws BdevException {
    Optional<String> invalid = Nqn.invalidReason(options.nqn());
    if (invalid.isPresent()) {
      throw new BdevException(BdevException.EINVAL, invalid.get());
    }
    if (stopping || subsystems.containsKey(options.nqn()) || subsystems.size() > maxSubsystems) {
      throw new BdevException(
          BdevException.EINVAL, options.nqn() + " exists, or are there too many subsystems");
    }
    Subsystem subsystem = new Subsystem(this, options);
    subsystems.put(options.nqn(), subsystem);
    discoveryChanged();
    return subsystem;
  }

  /** Disconnects its hosts, closes its devices and listeners, then runs {@code done}. */
  public void deleteSubsystem(Subsystem subsystem, Runnable done) {
    subsystem.deactivate(() -> {
      subsystems.remove(subsystem.nqn(), subsystem);
      discoveryChanged();
      done.run();
    });
  }

  // ---- listeners and connections

  /** The listener at this address, which is made when there is none yet. */
  Listener listen(NvmfAddress address) throws BdevException {
    TransportOptions options = transport;
    if (options == null || stopping) {
      throw new BdevException(BdevException.EINVAL, "there is no TCP transport");
    }
    InetSocketAddress socketAddress = address.socketAddress();
    for (Listener listener : listeners) {
      if (listener.address().socketAddress().equals(socketAddress)) {
        listener.users++;
        return listener;
      }
    }
    int fd = home().kernel().listen(socketAddress, Listener.BACKLOG);
    if (fd < 0) {
      throw new BdevException(fd, "cannot listen on " + socketAddress);
    }
    Listener listener = new Listener(this, address, options, fd);
    listener.users = 1;
    listeners.add(listener);
    listener.accept();
    return listener;
  }

  /** One user less; the last one ends the listener. */
  void unlisten(Listener listener, Runnable done) {
    if (--listener.users == 0) {
      listeners.remove(listener);
      listener.close(done);
    } else {
      done.run();
    }
  }

  /** Hands an accepted socket to the next reactor. */
  void accepted(int fd, Listener listener) {
    if (stopping || connections >= MAX_CONNECTIONS) {
      home().kernel().close(fd);
      return;
    }
    InetSocketAddress peer;
    try {
      peer = home().kernel().peerAddress(fd);
    } catch (IllegalArgumentException gone) { // reset while it waited to be accepted
      home().kernel().close(fd);
      return;
    }
    connections++;
    PollGroup group = groups.get(nextGroup);
    nextGroup = (nextGroup + 1) % groups.size();
    BdevLayer.crossTo(group.reactor(), () -> group.open(fd, listener, peer));
  }

  void connectionClosing(TcpConnection connection) {
    Controller controller = connection.homeController;
    if (controller != null) {
      controller.closing(connection);
    }
  }

  void connectionClosed(TcpConnection connection) {
    connections--;
    Controller controller = connection.homeController;
    if (controller != null) {
      controller.closed(connection);
    }
    checkStopped();
  }

  /** Executes an admin or fabrics command. */
  void execute(NvmfRequest request) {
    if (request.isFabrics()) {
      fabrics.execute(request);
    } else {
      admin.execute(request);
    }
  }

  // ---- discovery

  long discoveryGeneration() {
    return discoveryGeneration;
  }

  /** Hosts that look at the discovery log page again see something else. */
  void discoveryChanged() {
    discoveryGeneration++;
    Subsystem discovery = subsystems.get(Nqn.DISCOVERY);
    if (discovery != null) {
      discovery.controllers().forEach(Controller::discoveryChanged);
    }
  }

  // ---- observation

  /** What one reactor's poll group has done, for nvmf_get_stats. */
  public record GroupStat(
      String name,
      long adminQpairs,
      long ioQpairs,
      int currentAdminQpairs,
      int currentIoQpairs,
      int currentUnassociatedQpairs,
      long completedIo) {}

  /** Asks each reactor in turn. */
  public void stats(Consumer<List<GroupStat>> done) {
    stats(new ArrayList<>(), done);
  }

  private void stats(List<GroupStat> collected, Consumer<List<GroupStat>> done) {
    if (collected.size() == groups.size()) {
      done.accept(collected);
      return;
    }
    PollGroup group = groups.get(collected.size());
    BdevLayer.crossTo(
        group.reactor(),
        () -> {
          GroupStat stat = group.stat();
          BdevLayer.crossTo(
              home(),
              () -> {
                collected.add(stat);
                stats(collected, done);
              });
        });
  }

  /** One connected queue, for nvmf_subsystem_get_qpairs. */
  public record QueueView(
      int cntlid, int qid, int reactor, String hostnqn, NvmfAddress listen, NvmfAddress peer) {}

  public List<QueueView> queues(Subsystem subsystem) {
    List<QueueView> views = new ArrayList<>();
    for (Controller controller : subsystem.controllers()) {
      for (TcpConnection queue : controller.queues()) {
        views.add(
            new QueueView(
                controller.cntlid(),
                queue.homeQid,
                queue.reactor().index(),
                controller.hostnqn(),
                queue.listener().address(),
                NvmfAddress.of(queue.peer())));
      }
    }
    return views;
  }

  // ---- the end

  /** Closes everything; {@code done} runs when no device is used any more. */
  public void stop(Runnable done) {
    stopping = true;
    stopped = done;
    List<Subsystem> all = subsystems().reversed();
    Subsystem.Countdown deleted = new Subsystem.Countdown(all.size(), this::closeRest);
    all.forEach(subsystem -> deleteSubsystem(subsystem, deleted::one));
  }

  /** Connections that never belonged to a controller. */
  private void closeRest() {
    for (PollGroup group : groups) {
      BdevLayer.crossTo(
          group.reactor(), () -> List.copyOf(group.connections()).forEach(TcpConnection::close));
    }
    checkStopped();
  }

  private void checkStopped() {
    Runnable done = stopped;
    if (done != null && connections == 0 && subsystems.isEmpty()) {
      stopped = null;
      done.run();
    }
  }
}

package io.diskengine.engine.host;

import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.Done;
import io.diskengine.engine.reactor.Timer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What one controller name stands for (SPDK's {@code nvme_bdev_ctrlr}): the paths to one subsystem
 * and the devices of its namespaces. Home reactor.
 */
public final class ControllerGroup {
  private static final Logger LOG = LoggerFactory.getLogger(ControllerGroup.class);

  /** SPDK's, too. */
  private static final long DETACH_LIMIT_NS = 10_000_000_000L;

  private static final int ETIMEDOUT = -110;

  private final NvmeHost host;
  private final AttachSpec first;
  private final List<NvmeController> controllers = new ArrayList<>();
  private final List<NvmeController> attaching = new ArrayList<>();
  private final Map<Integer, NvmeNamespaceBdev> bdevs = new HashMap<>();
  private final Set<Integer> removing = new HashSet<>();

  ControllerGroup(NvmeHost host, AttachSpec first) {
    this.host = host;
    this.first = first;
  }

  NvmeHost host() {
    return host;
  }

  public String name() {
    return first.name();
  }

  AttachSpec first() {
    return first;
  }

  /** Attached paths, in order of preference. */
  List<NvmeController> controllers() {
    return controllers;
  }

  /** Attached paths and those that are being attached. */
  List<NvmeController> all() {
    List<NvmeController> all = new ArrayList<>(controllers);
    all.addAll(attaching);
    return all;
  }

  boolean isEmpty() {
    return controllers.isEmpty() && attaching.isEmpty();
  }

  boolean deleting() {
    return !controllers.isEmpty() && controllers.stream().allMatch(NvmeController::deleting);
  }

  // ---- attach

  void attach(AttachSpec spec, NvmeHost.Attached attached) throws BdevException {
    NvmeController controller = new NvmeController(this, spec);
    attaching.add(controller);
    host.attaching(controller);
    controller.connect(errno -> {
      if (errno == 0) {
        examined(List.copyOf(bdevs.values()), 0, () -> attached.attached(0, names(controller)));
      } else {
        attaching.remove(controller);
        controller.discard();
        host.gone(this, controller); // the name is free again when the answer is there
        attached.attached(errno, List.of());
      }
    });
  }

  /** As in SPDK an attach answers when what it found has been examined. */
  private void examined(List<NvmeNamespaceBdev> found, int at, Runnable done) {
    if (at == found.size()) {
      done.run();
    } else {
      host.layer().waitForExamine(found.get(at), () -> examined(found, at + 1, done));
    }
  }

  /** Why a controller that has just been set up cannot join, as an errno; else 0, and it joins. */
  int refusal(NvmeController controller) {
    for (NvmeController other : controllers) {
      boolean mayShare = controller.data().multiController() && other.data().multiController();
      if (!mayShare || controller.cntlid() == other.cntlid()) {
        return BdevException.EINVAL;
      }
    }
    for (NamespaceData namespace : controller.namespaces().values()) {
      NvmeNamespaceBdev bdev = bdevs.get(namespace.nsid());
      if (bdev != null && !bdev.namespace().isSameAs(namespace)) {
        return BdevException.EINVAL;
      }
    }
    attaching.remove(controller);
    controllers.add(controller);
    return 0;
  }

  private List<String> names(NvmeController controller) {
    List<String> names = new ArrayList<>();
    for (int nsid : controller.namespaces().keySet()) {
      NvmeNamespaceBdev bdev = bdevs.get(nsid);
      if (bdev != null && !removing.contains(nsid)) {
        names.add(bdev.name());
      }
    }
    return names;
  }

  // ---- namespaces: devices follow what the controllers last said

  void namespacesChanged() {
    Set<Integer> nsids = new TreeSet<>(bdevs.keySet());
    controllers.forEach(controller -> nsids.addAll(controller.namespaces().keySet()));
    nsids.forEach(this::reconcile);
    releaseUnused();
  }

  private void reconcile(int nsid) {
    NvmeNamespaceBdev bdev = bdevs.get(nsid);
    if (removing.contains(nsid)) {
      return; // looked at again when it is gone
    }
    List<NvmeController> paths = new ArrayList<>();
    NamespaceData seen = null;
    for (NvmeController controller : controllers) {
      NamespaceData namespace = controller.namespaces().get(nsid);
      NamespaceData expected = bdev == null ? seen : bdev.namespace();
      if (namespace != null && (expected == null || namespace.isSameAs(expected))) {
        seen = seen == null ? namespace : seen;
        paths.add(controller);
      }
    }
    if (bdev == null) {
      bdev = seen == null ? null : register(seen, paths.getFirst());
    } else if (seen == null) {
      unregister(nsid, bdev);
      return;
    }
    if (bdev == null || seen == null) {
      return;
    }
    host.layer().resize(bdev, seen.numBlocks());
    follow(bdev, paths);
  }

  /** The device's channels use these paths. */
  private void follow(NvmeNamespaceBdev bdev, List<NvmeController> paths) {
    if (!paths.equals(bdev.paths())) {
      bdev.paths(paths);
      host.layer()
          .forEachChannel(
              bdev,
              (channel, done) -> {
                if (channel != null && channel.driver() instanceof NvmeBdevChannel driver) {
                  driver.paths(bdev.paths());
                }
                done.run();
              },
              this::releaseUnused);
    }
  }

  private @Nullable NvmeNamespaceBdev register(NamespaceData namespace, NvmeController from) {
    NvmeNamespaceBdev bdev = new NvmeNamespaceBdev(this, namespace, from);
    try {
      host.layer().register(bdev);
    } catch (BdevException e) {
      LOG.atError()
          .addKeyValue("bdev", bdev)
          .addKeyValue("why", e.getMessage())
          .log("namespace not registered");
      return null;
    }
    bdevs.put(namespace.nsid(), bdev);
    return bdev;
  }

  private void unregister(int nsid, NvmeNamespaceBdev bdev) {
    removing.add(nsid);
    host.layer()
        .unregister(
            bdev,
            errno -> {
              removing.remove(nsid);
              bdevs.remove(nsid);
              reconcile(nsid);
              releaseUnused();
            });
  }

  /** Controllers in deletion that no device uses may go. */
  private void releaseUnused() {
    for (NvmeController controller : List.copyOf(controllers)) {
      if (controller.deleting()
          && bdevs.values().stream().noneMatch(bdev -> bdev.paths().contains(controller))) {
        controller.release();
      }
    }
  }

  // ---- operations

  /** Waits for the answers of several operations; the first refusal is the answer. */
  private static final class All {
    private final Done done;
    private int pending = 1;
    private int first;

    All(Done done) {
      this.done = done;
    }

    Done one() {
      pending++;
      return this::ended;
    }

    void ended(int errno) {
      first = first == 0 ? errno : first;
      if (--pending == 0) {
        done.done(first);
      }
    }
  }

  private interface Operation {
    void start(NvmeController controller, Done done);
  }

  private void onAll(int cntlid, Done done, Operation operation) {
    List<NvmeController> chosen =
        controllers.stream().filter(c -> cntlid == 0 || c.cntlid() == cntlid).toList();
    if (chosen.isEmpty()) {
      done.done(BdevException.ENODEV);
      return;
    }
    All all = new All(done);
    chosen.forEach(controller -> operation.start(controller, all.one()));
    all.ended(0);
  }

  void reset(Done done) {
    reset(0, done);
  }

  /** {@code cntlid} 0 for every path, as in the two methods below. */
  public void reset(int cntlid, Done done) {
    onAll(cntlid, done, NvmeController::reset);
  }

  public void enable(int cntlid, Done done) {
    onAll(cntlid, done, NvmeController::enable);
  }

  public void disable(int cntlid, Done done) {
    onAll(cntlid, done, NvmeController::disable);
  }

  // ---- the end

  /** Detaches these paths; answers when they are gone, or ETIMEDOUT with the removal going on. */
  void detach(List<NvmeController> paths, Done done) {
    boolean[] answered = {false};
    Timer limit =
        Timer.of(() -> {
          answered[0] = true;
          done.done(ETIMEDOUT);
        });
    host.home().schedule(limit, DETACH_LIMIT_NS);
    host.whenGone(
        paths,
        () -> {
          host.home().cancel(limit);
          if (!answered[0]) {
            done.done(0);
          }
        });
    paths.forEach(NvmeController::delete);
    namespacesChanged();
  }

  /** The controller is lost for good. */
  void deletePath(NvmeController controller) {
    controller.delete();
    namespacesChanged();
  }

  void gone(NvmeController controller) {
    controllers.remove(controller);
    attaching.remove(controller);
    host.gone(this, controller);
  }

  /** For shapes of replies: the devices that are there. */
  List<NvmeNamespaceBdev> bdevs() {
    return List.copyOf(bdevs.values());
  }
}

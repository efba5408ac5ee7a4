package io.diskengine.testkit.sim;

import io.diskengine.model.Grant;
import io.diskengine.model.GrantState;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Names;
import io.diskengine.model.Node;
import io.diskengine.model.NodeMode;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.model.VolumeState;
import io.diskengine.store.AgentWrite;
import io.diskengine.testkit.spdk.FakeMedia;
import io.diskengine.testkit.spdk.FakeView;
import io.diskengine.testkit.spdk.Superblock;
import io.diskengine.testkit.store.MemoryState;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** The laws that must hold after every event, checked on everything that is really there. */
public final class SimLaws {
  private static final int MEDIUM_ERRORS_END_MS = 60_000;

  /** What SPDK appends to a controller's name for its namespace. */
  private static final int LEG_SUFFIX = 2;

  /** From when something that is not as it shall be must say why. */
  private static final int MUST_SAY_WHY_MS = 20_000;

  private final SimWorld world;

  /** Names of lvols that were ever on record as to be deleted, and all that were ever on record. */
  private final Set<String> tombstones = new HashSet<>();

  /** Since when something is not as it shall be, and its node could say why. */
  private final Map<ObjectRef, Long> waiting = new HashMap<>();

  /** The one that was looked for last and is probably not settled yet. */
  private long unsettledVolume;

  private final SimTries tries = new SimTries();
  private final SimIntents intents = new SimIntents();

  private final Set<String> lossAccepted = new HashSet<>();

  private final Map<String, Long> badUntilMs = new HashMap<>();

  /** Requests of guests that failed because of a disk that was full or gone. */
  private int mediumErrors;

  /** Hits of the documented window of stock SPDK: acknowledged, and not yet on record. */
  private int windowHits;

  /** A law was broken. */
  static final class Broken extends RuntimeException {
    private static final long serialVersionUID = 1;

    Broken(String what) {
      super(what);
    }
  }

  private final SimRpcLaws rpcs;

  SimLaws(SimWorld world) {
    this.world = world;
    rpcs = new SimRpcLaws(world, tombstones);
  }

  /** An RPC is about to be executed. */
  void executing(SimNode node, String method, String params) {
    rpcs.executing(node, method, params);
  }

  public int windowHits() {
    return windowHits;
  }

  /** An operator accepted that this volume may have lost data, or that its I/O fails. */
  void acceptLoss(String volume) {
    lossAccepted.add(volume);
  }

  /** Its rows are gone with the database that was restored. */
  void forgetVolume(String volume) {
    lossAccepted.add(volume);
  }

  /** A disk is full or gone until further notice, and what that did is seen for a while longer. */
  void mediumIsBad(SimNode node, boolean bad) {
    badUntilMs.put(
        node.name, bad ? Long.MAX_VALUE : world.scheduler.nowMs() + MEDIUM_ERRORS_END_MS);
  }

  private boolean isMediumBad(SimVolume v) {
    MemoryState s = world.rows();
    return s.lvolsOf(v.id).stream()
        .filter(l -> l.state() != LvolState.DELETED)
        .map(l -> s.nodes.at(l.nodeId()).name())
        .anyMatch(n -> badUntilMs.getOrDefault(n, 0L) > world.scheduler.nowMs());
  }

  int mediumErrors() {
    return mediumErrors;
  }

  private static void broken(String law, String what) {
    throw new Broken("law broken: " + law + ": " + what);
  }

  void readWrong(SimVolume v, String wrong, String leg) {
    if (!lossAccepted.contains(v.name)) {
      throw world.failure(
          "law broken: a read shows what was overwritten: "
              + v.name
              + ": "
              + wrong
              + " from "
              + leg);
    }
  }

  void ioFailed(SimGuest guest, SimVolume v, String what) {
    if (isMediumBad(v) || guest.lostRaid()) {
      mediumErrors++;
      guest.hasLostRaid();
      v.failedBelow = true;
    } else if (!lossAccepted.contains(v.name)) {
      throw world.failure(
          "law broken: guests see no errors: a " + what + " of " + v.name + " failed");
    }
  }

  /** Law 7: what was taken away answers with errors, once somebody else may write. */
  void answeredAfterwards(SimGuest guest, SimVolume v, boolean write) {
    boolean others = world.guestsOf(v.name).stream().anyMatch(g -> g != guest && g.isConnected());
    if (write && others && !lossAccepted.contains(v.name)) {
      throw world.failure(
          "law broken: a write of a guest that was cut off is acknowledged beside another: "
              + guest);
    }
  }

  // ---- what a guest is shown ----

  /** A guest reads the capacity of its disk; it has none when the RAID ended below it. */
  void shown(SimVolume v, long bytes) {
    if (bytes == 0) {
      return;
    }
    long recordedBytes = recordedBytes(v);
    v.promisedBytes = Math.max(v.promisedBytes, Math.min(v.shownBytes, recordedBytes));
    if (bytes < v.promisedBytes && !lossAccepted.contains(v.name)) {
      throw world.failure(
          "law broken: nothing shrinks: a guest of %s is shown %d bytes after %d"
              .formatted(v.name, bytes, v.promisedBytes));
    }
    if (bytes > recordedBytes) {
      windowHits++;
    }
    v.shownBytes = bytes;
    v.promisedBytes = Math.max(v.promisedBytes, Math.min(bytes, recordedBytes));
  }

  /**
   * The size that a superblock has. Stock SPDK shows a guest more before its superblocks say so: an
   * array that ends in between comes back smaller (decision 0052).
   */
  private long recordedBytes(SimVolume v) {
    long blocks = 0;
    for (Lvol l : world.rows().lvolsOf(v.id)) {
      for (FakeMedia.Disk disk : world.fabric.media.all().values()) {
        FakeMedia.Blob blob = disk.blobs().get(l.name());
        if (blob != null && blob.data.get(0L) instanceof Superblock sb) {
          blocks = Math.max(blocks, sb.blocks());
        }
      }
    }
    return blocks * world.rows().volumes.at(v.id).blockSize();
  }

  // ---- on commits ----

  /** Law 5: what is said to be gone was seen to be gone. */
  void written(SimNode node, AgentWrite write) {
    MemoryState s = world.rows();
    try {
      switch (write) {
        case AgentWrite.MappingChanged w when w.to() == VolumeMappingState.DETACHED ->
            gone(node, s.mappings.at(w.mappingId()));
        case AgentWrite.MappingGone w -> gone(node, s.mappings.at(w.mappingId()));
        case AgentWrite.GrantConfirmed w when w.to() == GrantState.REVOKED ->
            revoked(node, s.grants.at(w.grantId()));
        case AgentWrite.LvolChanged w when w.to() == LvolState.DELETED -> {
          String name = s.lvols.at(w.lvolId()).name();
          FakeMedia.Disk disk = world.fabric.media.disk(node.disk);
          if (disk != null && disk.blobs().containsKey(name)) {
            broken("accepted is not done", name + " is DELETED and still on its disk");
          }
        }
        default -> {}
      }
    } catch (Broken broken) {
      world.scheduler.fail(String.valueOf(broken.getMessage())); // on an agent's thread
    }
  }

  /** Law 7: a host is out when it is off the list and has no controller left. */
  private void revoked(SimNode node, Grant g) {
    String nqn = world.rows().lvols.at(g.lvolId()).nqn();
    node.spdk.view().subsystems().stream()
        .filter(x -> x.nqn().equals(nqn))
        .filter(x -> x.hosts().contains(g.hostNqn()) || x.connected().contains(g.hostNqn()))
        .forEach(x -> broken("a grant that is revoked lets nobody in", x.toString()));
  }

  private void gone(SimNode node, VolumeMapping m) {
    ObjectRef ref = new ObjectRef(ObjectKind.VOLUME_MAPPING, m.id());
    if (!intents.open(world.rows(), ref).isEmpty()) {
      broken("what has no answer is not gone", ref + " is recorded as gone");
    }
    FakeView view = node.spdk.view();
    if (!node.spdk.isUp()) {
      return;
    }
    Set<String> controllers = new HashSet<>(view.controllers());
    controllers.addAll(view.connecting());
    world.rows().lvolsOf(m.volumeId()).stream()
        .filter(l -> controllers.contains(l.name()))
        .forEach(l -> broken("accepted is not done", "controller " + l.name() + " is still there"));
  }

  /** Law 4: of one object one work is under way. */
  void began(long intentId) {
    String two = intents.began(world.rows(), intentId);
    if (two != null) {
      world.scheduler.fail("law broken: " + two);
    }
  }

  /** Law 7: a mutation is sent by who holds the lease and renewed it in the first half of it. */
  void sending(SimNode node, String process, String method, String request) {
    String again = tries.sent(process, request, world.scheduler.nowMs());
    if (again != null) {
      world.scheduler.fail("law broken: " + again);
    }
    MemoryState s = world.rows();
    Node row = s.node(node.name).orElse(null);
    if (row == null || !checksLeases) {
      return;
    }
    Instant expires = world.store.renewedUntil(row.id());
    Instant now = SimWorld.EPOCH.plusMillis(world.scheduler.nowMs() + world.postgresErrorMs);
    boolean mine = (node.name + "/" + process).equals(row.leaseHolder());
    long halfMs = s.cluster.settings().leaseStopMs();
    if (mine && (expires == null || now.plusMillis(halfMs).isAfter(expires))) {
      world.scheduler.fail(
          "law broken: an agent stops at half of its lease: %s sends %s, its lease ends at %s, it is %s"
              .formatted(process, method, expires, now));
    }
  }

  /** Not where PostgreSQL's own clock jumps. */
  boolean checksLeases = true;

  // ---- after every event ----

  /** What is there now; nothing changes while the laws are checked. */
  private final Map<String, FakeView> views = new HashMap<>();

  private final Map<String, List<FakeView.Raid>> raids = new HashMap<>();

  private final Map<String, Lvol> lvolsByName = new HashMap<>();

  /** Hosts that are connected, by storage node and subsystem. */
  private final Map<String, Map<String, Set<String>>> connected = new HashMap<>();

  private FakeView view(SimNode n) {
    return views.computeIfAbsent(n.name, _ -> n.spdk.view());
  }

  private List<FakeView.Raid> raids(SimNode n) {
    return raids.computeIfAbsent(n.name, _ -> view(n).raids());
  }

  private Map<String, Set<String>> connected(SimNode storage) {
    Map<String, Set<String>> hosts = new HashMap<>();
    view(storage).subsystems().forEach(x -> hosts.put(x.nqn(), x.connected()));
    return hosts;
  }

  void check() {
    MemoryState s = world.rows();
    views.clear();
    raids.clear();
    connected.clear();
    lvolsByName.clear();
    s.lvols.values().forEach(l -> lvolsByName.put(l.name(), l));
    for (Lvol l : s.lvols.values()) {
      if (l.state() == LvolState.DELETING || l.state() == LvolState.DELETED) {
        tombstones.add(l.name());
      }
    }
    lastCopies(s);
    oneWriter(s);
    copies(s);
    sizes();
    everybodySaysWhy(s);
  }

  /** Every lvol and mapping that is not in its final state for long has a reason. */
  private void everybodySaysWhy(MemoryState s) {
    Set<ObjectRef> explained = new HashSet<>();
    s.reasons.values().forEach(all -> all.forEach(r -> explained.add(r.object())));
    Set<ObjectRef> now = new HashSet<>();
    for (Lvol l : s.lvols.values()) {
      boolean changing = l.state() != LvolState.UP && l.state() != LvolState.DELETED;
      if (changing && canSay(s, l.nodeId())) {
        now.add(new ObjectRef(ObjectKind.LVOL, l.id()));
      }
    }
    for (VolumeMapping m : s.mappings.values()) {
      boolean changing = !m.state().isFinal() && m.state() != VolumeMappingState.ATTACHED;
      if (changing && canSay(s, m.nodeId()) && !isExplained(s, m, explained)) {
        now.add(new ObjectRef(ObjectKind.VOLUME_MAPPING, m.id()));
      }
    }
    now.removeAll(explained);
    waiting.keySet().retainAll(now);
    long nowMs = world.scheduler.nowMs();
    for (ObjectRef object : now) {
      Long since = waiting.putIfAbsent(object, nowMs);
      if (since != null && nowMs - since > MUST_SAY_WHY_MS) {
        broken("every waiting object says why", object + " for " + (nowMs - since) + " ms");
      }
    }
  }

  /** A mapping may wait for its legs or its guest, which say why themselves. */
  private static boolean isExplained(MemoryState s, VolumeMapping m, Set<ObjectRef> explained) {
    return s.lvolsOf(m.volumeId()).stream()
            .anyMatch(l -> explained.contains(new ObjectRef(ObjectKind.LVOL, l.id())))
        || s.vms.values().stream()
            .filter(vm -> vm.mappingId() == m.id())
            .anyMatch(vm -> explained.contains(new ObjectRef(ObjectKind.VM_MAPPING, vm.id())));
  }

  /** Whether the node's agent works and its data plane answers. */
  private boolean canSay(MemoryState s, long node) {
    SimNode n = world.node(s.nodes.at(node).name());
    return n.isAgentUp()
        && world.isPostgresUp(n)
        && !world.backup.isShown()
        && n.commitsThatHang == 0
        && n.spdk.isInitialised()
        && !n.spdk.isStopped()
        && n.status().state() == io.diskengine.agent.AgentStatus.State.READY;
  }

  /** The last in-sync copy is there, on record and on its disk. */
  private void lastCopies(MemoryState s) {
    for (Volume v : s.volumes.values()) {
      if (v.state() == VolumeState.DELETING || v.state() == VolumeState.DELETED) {
        continue;
      }
      List<Lvol> inSync =
          s.lvolsOf(v.id()).stream().filter(l -> l.sync() == LvolSync.IN_SYNC).toList();
      if (inSync.isEmpty()) {
        broken("the last in-sync copy is still there", v.name() + " has none on record");
      }
      for (Lvol l : inSync) {
        SimNode node = world.node(Objects.requireNonNull(s.nodes.get(l.nodeId())).name());
        FakeMedia.Disk disk = world.fabric.media.all().get(node.disk);
        if (lossAccepted.contains(v.name())) {
          continue;
        }
        if (l.uuid() != null && disk != null && !disk.blobs().containsKey(l.name())) {
          broken("the last in-sync copy is still there", l.name() + " is not on its disk");
        }
      }
    }
  }

  /** At most one host can write a leg that is in sync, and one has the volume's RAID. */
  private void oneWriter(MemoryState s) {
    Map<String, Lvol> byNqn = new HashMap<>();
    s.lvols.values().stream()
        .filter(l -> l.sync() == LvolSync.IN_SYNC && l.state() != LvolState.DELETED)
        .forEach(l -> byNqn.put(l.nqn(), l));
    for (SimNode n : world.nodes(NodeMode.STORAGE_NODE)) {
      if (n.spdk.isUp()) {
        for (FakeView.Subsystem sub : view(n).subsystems()) {
          Set<String> hosts = new TreeSet<>(sub.hosts());
          hosts.addAll(sub.connected());
          if (byNqn.containsKey(sub.nqn()) && hosts.size() > 1) {
            broken("never two hosts able to write one volume", sub.toString());
          }
        }
      }
    }
    Map<String, String> owners = new HashMap<>();
    for (SimNode n : world.nodes(NodeMode.BAREMETAL)) {
      if (n.spdk.isUp()) {
        for (FakeView.Raid r : raids(n)) {
          // A placeholder, which is named after its RAID, takes every write and keeps none.
          List<FakeView.Leg> replicas =
              r.legs().stream().filter(l -> !l.bdev().endsWith(r.name())).toList();
          boolean able =
              r.online()
                  && !replicas.isEmpty()
                  && replicas.stream().allMatch(l -> isConnected(s, n, l));
          String other = able ? owners.put(r.name(), n.name) : null;
          if (other != null) {
            broken("never two hosts able to write one volume", r + " on " + other + " too");
          }
        }
      }
    }
  }

  /** Whether a leg of a node's RAID leads to its storage node now. */
  private boolean isConnected(MemoryState s, SimNode n, FakeView.Leg leg) {
    String name = leg.bdev().substring(0, leg.bdev().length() - LEG_SUFFIX);
    Lvol lvol = lvolsByName.get(name);
    if (lvol == null) {
      return true;
    }
    SimNode storage = world.node(s.nodes.at(lvol.nodeId()).name());
    String host = s.node(n.name).map(Node::hostNqn).orElse("");
    return storage.spdk.isUp()
        && connected
            .computeIfAbsent(storage.name, _ -> connected(storage))
            .getOrDefault(lvol.nqn(), Set.of())
            .contains(host);
  }

  /** Every copy that may serve a read has every acknowledged write. */
  private void copies(MemoryState s) {
    for (SimVolume v : world.volumes.values()) {
      Volume row = s.volumes.get(v.id);
      if (row == null || lossAccepted.contains(v.name) || row.state() == VolumeState.DELETED) {
        continue;
      }
      String raid = Names.raid(row.id(), row.uuid());
      for (SimNode n : world.nodes(NodeMode.BAREMETAL)) {
        FakeView.Raid r = n.spdk.isUp() && view(n).isShown(raid) ? view(n).raid(raid) : null;
        if (r != null && r.online()) {
          r.legs().stream().filter(leg -> isConnected(s, n, leg)).forEach(leg -> copy(v, r, leg));
          v.failedBelow &= isMediumBad(v);
        }
      }
    }
  }

  /** No host sees a size that a leg does not have. */
  private void sizes() {
    for (SimNode n : world.nodes(NodeMode.BAREMETAL)) {
      for (FakeView.Raid r : n.spdk.isUp() ? raids(n) : List.<FakeView.Raid>of()) {
        for (FakeView.Leg leg : r.legs()) {
          String lvol = leg.bdev().substring(0, Math.max(0, leg.bdev().length() - LEG_SUFFIX));
          FakeMedia.Blob blob = blob(lvol);
          if (blob != null && r.bytes() > FakeView.Raid.dataBytes(blob.sizeBytes)) {
            broken(
                "no host sees a size that a leg does not have",
                "%s on %s, %s has %d bytes".formatted(r, n.name, lvol, blob.sizeBytes));
          }
        }
      }
    }
  }

  private void copy(SimVolume v, FakeView.Raid raid, FakeView.Leg leg) {
    String lvol = leg.bdev().substring(0, leg.bdev().length() - 2);
    FakeMedia.Blob blob = blob(lvol);
    if (!leg.served() || leg.bdev().equals(raid.rebuilding()) || blob == null) {
      return;
    }
    for (int block = 0; block < SimVolume.BLOCKS; block++) {
      Object content = blob.data.get(block + 1L);
      if (v.misses(block, content)) {
        if (leg.leaving()) {
          windowHits++;
          return;
        }
        if (isMediumBad(v) || v.failedBelow) {
          // Acknowledged by a leg that was leaving, refused by the one that stayed.
          mediumErrors++;
          v.forget();
          return;
        }
        broken(
            "no read is served by a leg that missed an acknowledged write",
            "%s block %d has %s, acknowledged is %s"
                .formatted(leg.bdev(), block, content, v.acknowledged(block)));
      }
    }
  }

  FakeMedia.@Nullable Blob blob(String lvol) {
    for (FakeMedia.Disk d : world.fabric.media.all().values()) {
      FakeMedia.Blob blob = d.blobs().get(lvol);
      if (blob != null) {
        return blob;
      }
    }
    return null;
  }

  /** Null when the state is exactly the desired one; else the first difference. */
  public @Nullable String unsettled() {
    SimGoal goal = new SimGoal(world);
    String still = goal.still(unsettledVolume);
    if (still != null) {
      return still;
    }
    String first = goal.unsettled();
    unsettledVolume = goal.unsettledVolume();
    return first;
  }
}

package io.diskengine.testkit.store;

import io.diskengine.model.Intent;
import io.diskengine.model.InvalidInput;
import io.diskengine.model.Names;
import io.diskengine.model.Node;
import io.diskengine.model.NodeView;
import io.diskengine.model.VolumeRows;
import io.diskengine.store.AgentSession;
import io.diskengine.store.AgentStore;
import io.diskengine.store.AgentWrite;
import io.diskengine.store.Lease;
import io.diskengine.store.LeaseLostException;
import io.diskengine.store.NodeRegistration;
import io.diskengine.store.PlanRequest;
import io.diskengine.store.StoreCounters;
import io.diskengine.store.Wake;
import io.diskengine.store.WakeUps;
import io.diskengine.store.WriteResult;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;

/** {@link AgentStore} in memory. */
public final class MemoryAgentStore implements AgentStore {
  private final MemoryStore store;
  private final StoreCounters counters = new StoreCounters();

  public MemoryAgentStore(MemoryStore store) {
    this.store = store;
  }

  @Override
  public Lease acquire(NodeRegistration registration, String holder) {
    return store.transaction(registration.name(), s -> acquire(s, registration, holder));
  }

  private Lease acquire(MemoryState s, NodeRegistration r, String holder) {
    Instant now = store.now();
    Node node =
        s.node(r.name())
            .orElseGet(() ->
                new Node(
                    s.nextId("node"),
                    r.name(),
                    r.mode(),
                    r.failureDomain(),
                    Names.hostNqn(s.cluster.nqnPrefix(), s.cluster.id(), r.name()),
                    r.addresses(),
                    io.diskengine.model.Schedulability.ACTIVE,
                    null,
                    0,
                    null,
                    false,
                    null,
                    null,
                    io.diskengine.model.DataPlaneState.UNKNOWN,
                    null,
                    1));
    if (node.mode() != r.mode()) {
      throw new InvalidInput("node name", r.name(), "is a " + node.mode().text() + " already");
    }
    boolean valid = MemoryState.seenAt(node, now).leaseValid();
    if (valid && node.leaseHolder() != null && !node.leaseHolder().equals(holder)) {
      return new Lease.Taken(node.leaseHolder(), node.leaseExpires());
    }
    List<Intent> leftOpen =
        s.intents.values().stream()
            .filter(i -> i.nodeId() == node.id() && i.finishedAt() == null)
            .toList();
    boolean same =
        valid
            && node.failureDomain().equals(r.failureDomain())
            && node.addresses().equals(r.addresses());
    Instant expires = now.plusMillis(s.cluster.settings().leaseTtlMs());
    Node held =
        Row.with(
            node,
            "leaseHolder",
            holder,
            "leaseEpoch",
            node.leaseEpoch() + 1,
            "leaseExpires",
            expires,
            "failureDomain",
            r.failureDomain(),
            "addresses",
            r.addresses(),
            "version",
            node.version() + (same ? 0 : 1));
    s.nodes.put(node.id(), held);
    store.renewed(held.id(), expires);
    return new Lease.Held(
        new Session(held.id(), r.name(), holder, held.leaseEpoch()),
        expires,
        leftOpen,
        node.incarnation());
  }

  @Override
  public WakeUps listen(String nodeName, Consumer<Wake> onWake) {
    return store.listen(nodeName, onWake);
  }

  @Override
  public StoreCounters counters() {
    return counters;
  }

  @Override
  public void close() {}

  private final class Session implements AgentSession {
    private final long nodeId;
    private final String nodeName;
    private final String holder;
    private final long leaseEpoch;

    Session(long nodeId, String nodeName, String holder, long leaseEpoch) {
      this.nodeId = nodeId;
      this.nodeName = nodeName;
      this.holder = holder;
      this.leaseEpoch = leaseEpoch;
    }

    @Override
    public long nodeId() {
      return nodeId;
    }

    @Override
    public String nodeName() {
      return nodeName;
    }

    @Override
    public long leaseEpoch() {
      return leaseEpoch;
    }

    private boolean isMine(MemoryState s) {
      Node n = s.nodes.get(nodeId);
      return n != null && n.leaseEpoch() == leaseEpoch && holder.equals(n.leaseHolder());
    }

    private Node node(MemoryState s) {
      return Objects.requireNonNull(s.nodes.get(nodeId));
    }

    @Override
    public Instant renew() {
      Instant until = extend(true);
      store.renewed(nodeId, until);
      return until;
    }

    @Override
    public Instant beat() {
      return extend(false);
    }

    private Instant extend(boolean waits) {
      return store.transaction(
          nodeName,
          waits,
          s -> {
            if (!isMine(s)) {
              throw new LeaseLostException(nodeName, leaseEpoch);
            }
            Instant expires = store.now().plusMillis(s.cluster.settings().leaseTtlMs());
            s.nodes.put(nodeId, Row.with(node(s), "leaseExpires", expires));
            return expires;
          });
    }

    @Override
    public void release() {
      boolean unused =
          store.transaction(
              nodeName,
              s -> {
                if (isMine(s)) {
                  s.nodes.put(
                      nodeId, Row.with(node(s), "leaseHolder", null, "leaseExpires", store.now()));
                }
                return true;
              });
    }

    @Override
    public NodeView view() {
      MemoryState s = store.state();
      if (!s.nodes.containsKey(nodeId)) {
        throw new java.util.NoSuchElementException("node " + nodeName + " has no row");
      }
      return s.view(nodeId, store.now());
    }

    @Override
    public boolean isUnchanged(NodeView view) {
      NodeView now = view();
      return now.hasSameSurroundings(view)
          && now.volumes().equals(view.volumes())
          && now.lvols().equals(view.lvols())
          && now.grants().equals(view.grants())
          && now.mappings().equals(view.mappings())
          && now.vmMappings().equals(view.vmMappings());
    }

    @Override
    public VolumeRows rows(Set<Long> volumeIds) {
      return store.state().rows(nodeId, store.now(), volumeIds);
    }

    @Override
    public Written write(List<AgentWrite> writes, Set<Long> volumeIds) {
      boolean waits = !writes.stream().allMatch(AgentWrite::mayBeLostInACrash);
      return store.transaction(
          nodeName,
          waits,
          s -> {
            if (!isMine(s) || !MemoryState.seenAt(node(s), store.now()).leaseValid()) {
              throw new LeaseLostException(nodeName, leaseEpoch);
            }
            MemoryWriter writer = new MemoryWriter(s, nodeId, leaseEpoch, store);
            List<WriteResult> results = new ArrayList<>();
            writes.forEach(w -> results.add(writer.apply(w)));
            VolumeRows rows = volumeIds.isEmpty() ? null : s.rows(nodeId, store.now(), volumeIds);
            return new Written(results, rows);
          });
    }

    @Override
    public List<PlanRequest> planRequests() {
      return store.state().planRequests.values().stream()
          .filter(p -> p.nodeId() == nodeId && p.answer() == null)
          .toList();
    }
  }
}

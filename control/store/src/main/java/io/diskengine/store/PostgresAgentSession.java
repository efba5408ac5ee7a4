package io.diskengine.store;

import io.diskengine.model.Cluster;
import io.diskengine.model.Node;
import io.diskengine.model.NodeView;
import io.diskengine.model.Reason;
import io.diskengine.model.VolumeRows;
import io.diskengine.store.AgentWrite.PublishReasons;
import io.diskengine.store.Tx.Statement;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** {@link AgentSession} on PostgreSQL. */
final class PostgresAgentSession implements AgentSession {
  private final Database database;
  private final long nodeId;
  private final String nodeName;
  private final String holder;
  private final long leaseEpoch;
  private final NodeViewQuery.Texts texts;

  /** What is in the database, as far as this session knows; null = not known. */
  private volatile @Nullable List<Reason> published;

  /** As counted before the last read of everything; null = some were about to be committed. */
  private volatile @Nullable Long changesBefore;

  PostgresAgentSession(
      Database database, long nodeId, String nodeName, String holder, long leaseEpoch) {
    this.database = database;
    this.nodeId = nodeId;
    this.nodeName = nodeName;
    this.holder = holder;
    this.leaseEpoch = leaseEpoch;
    texts = NodeViewQuery.Texts.of(nodeId);
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

  @Override
  public Instant renew() {
    return extend("lease_expires");
  }

  @Override
  public Instant beat() {
    // Local to the transaction that the statement is, thus until it has committed.
    return extend("lease_expires, set_config('synchronous_commit', 'off', true)");
  }

  private Instant extend(String returning) {
    return database
        .single(tx ->
            tx.first(
                r -> r.getObject(1, OffsetDateTime.class).toInstant(),
                "UPDATE node SET lease_expires = clock_timestamp() +"
                    + " (SELECT lease_ttl_ms FROM cluster) * interval '1 ms'"
                    + " WHERE id = ? AND lease_epoch = ? AND lease_holder = ? RETURNING "
                    + returning,
                nodeId,
                leaseEpoch,
                holder))
        .orElseThrow(() -> new LeaseLostException(nodeName, leaseEpoch));
  }

  @Override
  public void release() {
    database.single(tx ->
        tx.update(
            "UPDATE node SET lease_holder = NULL, lease_expires = clock_timestamp()"
                + " WHERE id = ? AND lease_epoch = ? AND lease_holder = ?",
            nodeId,
            leaseEpoch,
            holder));
  }

  @Override
  public NodeView view() {
    Changes changes = changes(List.of());
    NodeViewQuery all = NodeViewQuery.all(texts);
    NodeView view = all.view(database.snapshot(all.statements()));
    changesBefore = changes.settled() ? changes.count() : null;
    return view;
  }

  @Override
  public boolean isUnchanged(NodeView view) {
    Long before = changesBefore;
    if (before == null) {
      return false;
    }
    List<Node> nodes = new ArrayList<>(view.peers());
    nodes.add(view.node());
    Changes now = changes(nodes.stream().map(Node::id).toList());
    return now.count() == before
        && now.validNodes() == nodes.stream().filter(Node::leaseValid).count()
        && now.versionsOfNodes() == nodes.stream().mapToLong(Node::version).sum()
        && now.cluster().settings().equals(view.cluster().settings())
        && now.cluster().sequence() >= view.cluster().sequence();
  }

  /**
   * @param count of statements that changed rows of which agents have copies
   * @param settled whether all that was counted is committed: whoever reads now sees it
   */
  private record Changes(
      long count, boolean settled, long validNodes, long versionsOfNodes, Cluster cluster) {}

  /** Each statement sees what was committed when it begins, and they follow each other. */
  private Changes changes(List<Long> nodeIds) {
    Statement<Long> count = Statement.of(r -> r.getLong(1), "SELECT last_value FROM changes");
    Statement<Boolean> settled =
        Statement.of(r -> r.getBoolean(1), "SELECT diskengine.changes_are_settled()");
    Statement<long[]> nodes =
        Statement.of(
            r -> new long[] {r.getLong(1), r.getLong(2)},
            "SELECT count(*) FILTER (WHERE lease_expires > clock_timestamp()), sum(version)"
                + " FROM node WHERE id = ANY(?::bigint[])",
            nodeIds);
    Statement<Cluster> cluster = Statement.of(Rows::cluster, "SELECT * FROM cluster");
    return database.single(tx -> {
      Tx.Results rows = tx.all(List.of(count, settled, nodes, cluster));
      long[] ofNodes = rows.of(nodes).getFirst();
      return new Changes(
          rows.of(count).getFirst(),
          rows.of(settled).getFirst(),
          ofNodes[0],
          ofNodes[1],
          rows.of(cluster).getFirst());
    });
  }

  @Override
  public VolumeRows rows(Set<Long> volumeIds) {
    NodeViewQuery some = NodeViewQuery.of(texts, volumeIds);
    return some.rows(database.snapshot(some.statements()));
  }

  @Override
  public Written write(List<AgentWrite> writes, Set<Long> volumeIds) {
    if (writes.stream().allMatch(this::isKnown)) {
      List<WriteResult> known = Collections.nCopies(writes.size(), new WriteResult.Applied(nodeId));
      return new Written(known, null);
    }
    Written written;
    try {
      written = database.transaction(tx -> apply(tx, writes, volumeIds));
    } catch (StoreStatementException e) {
      checkRefused(e);
      written = new Written(writes.size() == 1 ? List.of(refused(e)) : oneByOne(writes), null);
    }
    for (AgentWrite write : writes) {
      if (write instanceof PublishReasons publish) {
        published = publish.reasons();
      }
    }
    return written;
  }

  /** A guard of the schema refused one write and so undid all: find out which. */
  private List<WriteResult> oneByOne(List<AgentWrite> writes) {
    List<WriteResult> results = new ArrayList<>();
    for (AgentWrite write : writes) {
      try {
        results.addAll(database.transaction(tx -> apply(tx, List.of(write), Set.of())).results());
      } catch (StoreStatementException e) {
        checkRefused(e);
        results.add(refused(e));
      }
    }
    return results;
  }

  private void checkRefused(StoreStatementException e) {
    if (e.isDivisionByZero()) {
      throw new LeaseLostException(nodeName, leaseEpoch);
    }
    if (!e.isRefusal()) {
      throw e;
    }
  }

  private static WriteResult refused(StoreStatementException e) {
    return new WriteResult.Refused(e.reason());
  }

  private boolean isKnown(AgentWrite write) {
    return write instanceof PublishReasons publish && publish.reasons().equals(published);
  }

  private Written apply(Tx tx, List<AgentWrite> writes, Set<Long> volumeIds) throws SQLException {
    AgentWriter writer = new AgentWriter(tx, nodeId, leaseEpoch);
    List<Statement<?>> first = new ArrayList<>(List.of(holdLease()));
    if (writes.stream().allMatch(AgentWrite::mayBeLostInACrash)) {
      first.add(Statement.of("SET LOCAL synchronous_commit = off"));
    }
    first.addAll(AgentWriter.lockVolumes(writes));
    if (volumeIds.isEmpty()) {
      return new Written(writer.apply(writes, first, this::isKnown, List.of()), null);
    }
    NodeViewQuery after = NodeViewQuery.of(texts, volumeIds);
    List<WriteResult> results = writer.apply(writes, first, this::isKnown, after.statements());
    return new Written(results, after.rows(writer.lastRows()));
  }

  /**
   * Keeps the lease from changing hands until the transaction ends, so that every statement in it
   * is covered by the epoch and none can commit after a successor was admitted. Ends with an error
   * when it is not held, because a COMMIT may travel with it.
   */
  private Statement<Integer> holdLease() {
    return Statement.of(
        r -> 1,
        "SELECT 1 / count(*) FROM (SELECT FROM node WHERE id = ? AND lease_epoch = ?"
            + " AND lease_holder = ? AND lease_expires > clock_timestamp() FOR SHARE) AS held",
        nodeId,
        leaseEpoch,
        holder);
  }

  @Override
  public List<PlanRequest> planRequests() {
    return database.single(tx ->
        tx.query(
            Rows::planRequest,
            "SELECT p.*, n.name AS node_name FROM plan_request p"
                + " JOIN node n ON n.id = p.node_id"
                + " WHERE p.node_id = ? AND p.answered_at IS NULL ORDER BY p.id",
            nodeId));
  }
}

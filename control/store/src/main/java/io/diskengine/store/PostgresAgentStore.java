package io.diskengine.store;

import io.diskengine.model.Inputs;
import io.diskengine.model.Intent;
import io.diskengine.model.InvalidInput;
import io.diskengine.model.Names;
import io.diskengine.model.Node;
import java.sql.SQLException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** {@link AgentStore} on PostgreSQL. */
public final class PostgresAgentStore implements AgentStore {
  private final Database database;

  public PostgresAgentStore(Database database) {
    this.database = database;
  }

  public Database database() {
    return database;
  }

  @Override
  public Lease acquire(NodeRegistration registration, String holder) {
    Inputs.nodeName(registration.name());
    Inputs.failureDomain(registration.failureDomain());
    return database.transaction(tx -> acquire(tx, registration, holder));
  }

  private Lease acquire(Tx tx, NodeRegistration registration, String holder) throws SQLException {
    String name = registration.name();
    List<String> addresses = registration.addresses().stream().map(Object::toString).toList();
    Optional<Node> known = locked(tx, name);
    if (known.isEmpty()) {
      tx.update(
          "INSERT INTO node (name, mode, failure_domain, host_nqn, addresses)"
              + " SELECT ?, ?, ?, nqn_prefix || ':' || id || ?, ?::text[] FROM cluster"
              + " ON CONFLICT DO NOTHING",
          name,
          registration.mode(),
          registration.failureDomain(),
          Names.hostNqn("", "", name).substring(1),
          addresses);
      known = locked(tx, name);
    }
    Node node = known.orElseThrow(() -> new IllegalStateException("no cluster row: migrate first"));
    if (node.mode() != registration.mode()) {
      throw new InvalidInput("node name", name, "is a " + node.mode().text() + " already");
    }
    if (node.leaseValid() && node.leaseHolder() != null && !node.leaseHolder().equals(holder)) {
      return new Lease.Taken(node.leaseHolder(), node.leaseExpires());
    }
    List<Intent> leftOpen =
        tx.query(
            Rows::intent,
            "SELECT * FROM intent WHERE node_id = ? AND finished_at IS NULL ORDER BY id",
            node.id());
    // Who looks at this node as a peer is woken when its lease is valid again.
    boolean same =
        node.leaseValid()
            && node.failureDomain().equals(registration.failureDomain())
            && node.addresses().equals(registration.addresses());
    return tx.query(
            r -> {
              Instant expires = r.getObject(2, java.time.OffsetDateTime.class).toInstant();
              return new Lease.Held(
                  new PostgresAgentSession(database, node.id(), name, holder, r.getLong(1)),
                  expires,
                  leftOpen,
                  node.incarnation());
            },
            "UPDATE node SET lease_holder = ?, lease_epoch = lease_epoch + 1, lease_expires ="
                + " clock_timestamp() + (SELECT lease_ttl_ms FROM cluster) * interval '1 ms',"
                + " failure_domain = ?, addresses = ?::text[], version = version + ?"
                + " WHERE id = ? RETURNING lease_epoch, lease_expires",
            holder,
            registration.failureDomain(),
            addresses,
            same ? 0 : 1,
            node.id())
        .getFirst();
  }

  private static Optional<Node> locked(Tx tx, String name) throws SQLException {
    return tx.first(Rows::node, Rows.SELECT_NODE + " WHERE n.name = ? FOR NO KEY UPDATE", name);
  }

  @Override
  public WakeUps listen(String nodeName, Consumer<Wake> onWake) {
    return new NotificationListener(database, Names.channel(nodeName), onWake).start();
  }

  @Override
  public StoreCounters counters() {
    return database.counters();
  }

  @Override
  public void close() {
    database.close();
  }
}

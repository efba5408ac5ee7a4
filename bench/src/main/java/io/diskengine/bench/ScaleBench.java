package io.diskengine.bench;

import io.diskengine.agent.AgentStatus;
import io.diskengine.model.Sizes;
import io.diskengine.testkit.scale.ManyAgents;
import io.diskengine.testkit.scale.ScaleDatabase;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code ./diskengine bench scale}: many storage nodes with many lvols, their agents in this JVM,
 * on one PostgreSQL with fsync. What they cost when nothing happens, and how long they take when
 * all of them are restarted at once. Asserts nothing but that all become ready.
 */
@Command(
    name = "scale",
    mixinStandardHelpOptions = true,
    description = "Measure many storage nodes on one PostgreSQL: idling, and a restart of all.")
final class ScaleBench implements Callable<Integer> {
  private static final long VOLUME_BYTES = 16 * Sizes.MIB;
  private static final long WITHIN_NS = 270_000_000_000L;
  private static final int LEASE_TTL_MS = 30_000;

  /** Of an agent that idles: one of its pool, one that listens. */
  private static final int CONNECTIONS_PER_AGENT = 2;

  private static final int OTHER_CONNECTIONS = 50;
  private static final long POLL_MS = 20;
  private static final double[] PARTS = {0.1, 0.5};
  private static final int PERCENT_OF_MS = 10;

  @Option(
      names = "--nodes",
      defaultValue = "1000",
      description = "Storage nodes (default: ${DEFAULT-VALUE}).")
  int nodes;

  @Option(
      names = "--lvols",
      defaultValue = "100",
      description = "Lvols of each node (default: ${DEFAULT-VALUE}).")
  int lvols;

  @Option(
      names = "--settle",
      defaultValue = "30",
      description = "Seconds before idling is measured (default: ${DEFAULT-VALUE}).")
  int settleSec;

  @Option(
      names = "--idle",
      defaultValue = "60",
      description = "Seconds of idling that are measured (default: ${DEFAULT-VALUE}).")
  int idleSec;

  @Option(
      names = "--resync",
      defaultValue = "300",
      description = "Seconds between an agent's full resyncs (default: ${DEFAULT-VALUE}).")
  int resyncSec;

  @Option(
      names = "--dir",
      defaultValue = "/var/tmp",
      description = "Where PostgreSQL's data lie (default: ${DEFAULT-VALUE}).")
  Path parent;

  @Option(
      names = "--empty",
      description = "Data planes are empty at first, so that their agents export everything.")
  boolean empty;

  @Option(
      names = "--at-once",
      defaultValue = "0",
      description = "Agents that are started at a time at first; 0 = all (default).")
  int atOnce;

  @Option(
      names = "--again",
      description = "Restart all agents after idling, in a JVM that is warm by then.")
  boolean again;

  @Option(names = "--setting", description = "A setting of PostgreSQL, name=value; repeatable.")
  Map<String, String> more = Map.of();

  @Option(names = "--statements", description = "Show what PostgreSQL spent most of its time for.")
  boolean statements;

  private final PrintStream out = System.out;
  private long postgresPid;

  @SuppressWarnings("NullAway.Init") // picocli sets the options
  ScaleBench() {}

  @Override
  public Integer call() throws IOException, SQLException {
    Path directory = Files.createTempDirectory(parent, "de-scale-");
    int connections = CONNECTIONS_PER_AGENT * nodes + OTHER_CONNECTIONS;
    say(
        "%d CPUs, load average %s, Linux %s, Java %s, max_connections %d, lease TTL %d s, resync %d s",
        Runtime.getRuntime().availableProcessors(),
        Files.readString(Path.of("/proc/loadavg")).split(" ")[0],
        System.getProperty("os.version"),
        Runtime.version(),
        connections,
        LEASE_TTL_MS / 1_000,
        resyncSec);
    Map<String, String> settings = new TreeMap<>();
    settings.put("max_connections", Integer.toString(connections));
    settings.put("fsync", "on");
    settings.put("full_page_writes", "on");
    settings.put("synchronous_commit", "on");
    settings.put("shared_buffers", "256MB");
    settings.put("checkpoint_timeout", "15min");
    settings.put("max_wal_size", "2GB");
    if (statements) {
      settings.put("shared_preload_libraries", "pg_stat_statements");
      settings.put("pg_stat_statements.track_planning", "on");
      settings.put("pg_stat_statements.track", "all");
    }
    settings.putAll(more);
    try (ScaleDatabase database = ScaleDatabase.start(directory, settings);
        Connection owner = database.owner()) {
      postgresPid = database.pid();
      execute(
          owner,
          "UPDATE cluster SET lease_ttl_ms = "
              + LEASE_TTL_MS
              + ", resync_ms = "
              + resyncSec * 1_000);
      if (statements) {
        execute(owner, "CREATE EXTENSION pg_stat_statements SCHEMA public");
      }
      measure(database, directory, owner);
      return 0;
    } finally {
      Trees.delete(directory);
    }
  }

  private void measure(ScaleDatabase database, Path directory, Connection owner)
      throws IOException, SQLException {
    long startNs = System.nanoTime();
    long diskBytes = Math.max(1L << 36, 2 * lvols * VOLUME_BYTES);
    try (ManyAgents agents =
        new ManyAgents(database, directory, nodes, lvols, VOLUME_BYTES, diskBytes)) {
      if (!empty) {
        agents.provision();
      }
      execute(owner, "VACUUM ANALYZE");
      execute(owner, "CHECKPOINT");
      say(
          "%d nodes, %d lvols in the database and on fakes after %.1f s",
          nodes, nodes * lvols, seconds(startNs));
      converge(
          (atOnce == 0
                  ? "all agents are started at once"
                  : atOnce + " agents are started at a time")
              + ", data planes "
              + (empty ? "are empty" : "run already"),
          agents,
          atOnce == 0 ? nodes : atOnce);
      top(owner);
      Machine.pause(settleSec * 1_000L);
      idle(agents, owner);
      top(owner);
      if (!again) {
        return;
      }
      startNs = System.nanoTime();
      agents.stop();
      say("all agents ended in order: %.1f s", seconds(startNs));
      converge("all agents are started again at once, data planes run on", agents, nodes);
      top(owner);
    }
  }

  private static double seconds(long startNs) {
    return (System.nanoTime() - startNs) / 1e9;
  }

  private void converge(String what, ManyAgents agents, int atOnce) throws IOException {
    CpuShares before = CpuShares.now(postgresPid);
    long startNs = System.nanoTime();
    double[] reached = new double[PARTS.length];
    while (agents.start(atOnce)) {
      int ready = 0;
      while (ready < agents.size()) {
        Machine.pause(POLL_MS);
        ready = ready(agents);
        for (int i = 0; i < PARTS.length; i++) {
          if (reached[i] == 0 && ready >= PARTS[i] * nodes) {
            reached[i] = seconds(startNs);
          }
        }
        if (System.nanoTime() - startNs > WITHIN_NS) {
          throw new IllegalStateException(
              "waited in vain: " + agents.states() + " " + Arrays.toString(reached));
        }
      }
    }
    say(
        "%s: a tenth of them ready after %.2f s, half after %.2f s, all after %.2f s, %.2f ms for each"
            + " node%n"
            + "  spent: %s%n  CPU ms for each node: %s%n  PostgreSQL's own memory: %d MiB",
        what,
        reached[0],
        reached[1],
        seconds(startNs),
        seconds(startNs) * 1e3 / nodes,
        agents.spent(),
        CpuShares.now(postgresPid).since(before).text(nodes),
        CpuShares.privateMib(postgresPid));
  }

  private int ready(ManyAgents agents) {
    return agents.states().getOrDefault(AgentStatus.State.READY, 0);
  }

  private void idle(ManyAgents agents, Connection owner) throws IOException, SQLException {
    Map<String, Long> before = agents.spent();
    CpuShares cpuBefore = CpuShares.now(postgresPid);
    long flushesBefore = number(owner, "SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal'");
    Machine.pause(idleSec * 1_000L);
    CpuShares cpu = CpuShares.now(postgresPid).since(cpuBefore);
    Map<String, Long> spent = agents.spent();
    before.forEach((what, n) -> spent.merge(what, -n, Long::sum));
    spent.values().removeIf(n -> n == 0);
    long flushes =
        number(owner, "SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal'") - flushesBefore;
    double perSec = 1.0 / idleSec;
    say(
        "idle for %d s: PostgreSQL %.2f %% of one core; agents %.2f %% in all (threads of the looks"
            + " and of RPC, virtual ones, pools), fakes %.2f %%, compilation %.2f %%; per second %s,"
            + " %d connections, %.1f WAL flushes%n  CPU ms/s: %s",
        idleSec,
        cpu.ms(CpuShares.POSTGRESQL) * perSec / PERCENT_OF_MS,
        cpu.msOfAll("agents") * perSec / PERCENT_OF_MS,
        cpu.ms("fakes") * perSec / PERCENT_OF_MS,
        cpu.ms("compilation") * perSec / PERCENT_OF_MS,
        rates(spent, perSec),
        number(
            owner, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"),
        flushes * perSec,
        cpu.text(idleSec));
  }

  /** The statements that took longest since the last time this was asked. */
  private void top(Connection owner) throws SQLException {
    if (!statements) {
      return;
    }
    try (Statement s = owner.createStatement();
        ResultSet r =
            s.executeQuery(
                "SELECT calls, plans, total_plan_time, total_exec_time,"
                    + " (shared_blks_hit + shared_blks_read) / greatest(calls, 1),"
                    + " left(regexp_replace(query, '\\s+', ' ', 'g'), 110)"
                    + " FROM public.pg_stat_statements ORDER BY total_plan_time + total_exec_time DESC"
                    + " LIMIT 16")) {
      while (r.next()) {
        say(
            "    %7d calls, planned %7d times in %9.1f ms, executed in %9.1f ms, %6d pages a call: %s",
            r.getLong(1),
            r.getLong(2),
            r.getDouble(3),
            r.getDouble(4),
            r.getLong(5),
            r.getString(6));
      }
    }
    execute(owner, "SELECT public.pg_stat_statements_reset()");
  }

  private static String rates(Map<String, Long> spent, double perSec) {
    StringBuilder text = new StringBuilder();
    spent.forEach(
        (what, n) -> text.append(String.format(Locale.ROOT, "%s %.1f, ", what, n * perSec)));
    return text.toString();
  }

  private static void execute(Connection owner, String sql) throws SQLException {
    try (Statement s = owner.createStatement()) {
      s.execute(sql);
    }
  }

  private static long number(Connection owner, String sql) throws SQLException {
    try (Statement s = owner.createStatement();
        ResultSet r = s.executeQuery(sql)) {
      r.next();
      return r.getLong(1);
    }
  }

  private void say(String format, Object... arguments) {
    out.printf(Locale.ROOT, format + "%n", arguments);
  }
}

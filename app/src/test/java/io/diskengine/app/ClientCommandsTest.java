package io.diskengine.app;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.api.ApiJson;
import io.diskengine.api.Controller;
import io.diskengine.api.ControllerConfig;
import io.diskengine.app.EmbeddedDatabase.Role;
import io.diskengine.engine.Engine;
import io.diskengine.engine.EngineOptions;
import io.diskengine.engine.reactor.ReactorOptions;
import io.diskengine.model.DataPlaneState;
import io.diskengine.model.DiskState;
import io.diskengine.model.Event;
import io.diskengine.model.FabricAddress;
import io.diskengine.model.NodeMode;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.Reason;
import io.diskengine.model.Sizes;
import io.diskengine.store.AgentSession;
import io.diskengine.store.AgentWrite;
import io.diskengine.store.Database;
import io.diskengine.store.Lease;
import io.diskengine.store.NodeRegistration;
import io.diskengine.store.PostgresAgentStore;
import io.diskengine.store.StoreConfig;
import io.diskengine.store.WriteResult;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/** The commands run in process against a real controller; rows are confirmed by hand. */
final class ClientCommandsTest {
  @TempDir private static Path temp;
  private static EmbeddedDatabase database;
  private static Controller controller;
  private static Path tokens;
  private static final List<PostgresAgentStore> AGENTS = new ArrayList<>();
  private static AgentSession bm1;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @BeforeAll
  static void start() throws Exception {
    database = EmbeddedDatabase.start(temp.resolve("db"), step -> {});
    tokens = temp.resolve("token");
    PrivateFiles.passwordIn(tokens);
    controller =
        Controller.start(
            new ControllerConfig(
                "127.0.0.1",
                0,
                tokens,
                StoreConfig.forController(
                    database.url(), Role.CONTROLLER.user(), database.password(Role.CONTROLLER))));
    keepLeases();
    storageNode("sn1");
    storageNode("sn2");
    bm1 = agent("bm1", NodeMode.BAREMETAL);
  }

  /** Nobody renews them here, however long the tests take. */
  private static void keepLeases() throws Exception {
    try (Connection c =
            DriverManager.getConnection(
                database.url(), Role.OWNER.user(), database.password(Role.OWNER));
        Statement s = c.createStatement()) {
      s.execute("UPDATE diskengine.cluster SET lease_ttl_ms = 3600000");
    }
  }

  @AfterAll
  static void stop() throws Exception {
    controller.close();
    AGENTS.forEach(PostgresAgentStore::close);
    database.close();
  }

  private static AgentSession agent(String name, NodeMode mode) throws Exception {
    PostgresAgentStore store =
        new PostgresAgentStore(
            new Database(
                StoreConfig.forAgent(
                    database.url(), Role.AGENT.user(), database.password(Role.AGENT), name)));
    AGENTS.add(store);
    List<FabricAddress> addresses =
        mode == NodeMode.BAREMETAL ? List.of() : List.of(FabricAddress.parse("tcp:127.0.0.1:4420"));
    Lease lease = store.acquire(new NodeRegistration(name, mode, name, addresses), "test");
    AgentSession session = ((Lease.Held) lease).session();
    session.write(new AgentWrite.NodeSeen(DataPlaneState.READY, "pid-1", "SPDK v26.09"));
    return session;
  }

  private static void storageNode(String name) throws Exception {
    AgentSession session = agent(name, NodeMode.STORAGE_NODE);
    long size = 64 * Sizes.GIB;
    WriteResult seen =
        session.write(new AgentWrite.DiskSeen("SER-" + name, 1, "file", "/d", size, 4096, false));
    long disk = ((WriteResult.Applied) seen).id();
    long clusters = size / Sizes.UNIT_BYTES - 1;
    List<WriteResult> up =
        session.write(
            List.of(
                new AgentWrite.DiskChanged(disk, 1, DiskState.INITIALISING, null),
                new AgentWrite.DiskUp(
                    disk, 2, UUID.randomUUID(), Sizes.UNIT_BYTES, clusters, clusters, true)));
    assertThat(up).allMatch(WriteResult::applied);
  }

  /** What agents would confirm, all at once. */
  private static void confirmEverything() throws Exception {
    try (Connection c =
            DriverManager.getConnection(
                database.url(), Role.OWNER.user(), database.password(Role.OWNER));
        Statement s = c.createStatement()) {
      s.execute("SET search_path = diskengine");
      s.execute(
          "UPDATE lvol SET state = 'UP', uuid = gen_random_uuid(), version = version + 1"
              + " WHERE state = 'CREATING'");
      s.execute(
          "UPDATE volume SET state = 'AVAILABLE', confirmed_size_bytes = size_bytes,"
              + " version = version + 1 WHERE state = 'CREATING'");
      s.execute(
          "UPDATE vm_mapping SET state = 'ATTACHED', version = version + 1,"
              + " socket_path = '/tmp/a,b/' || controller_name WHERE state = 'ATTACHING'");
      s.execute("UPDATE volume_mapping SET state = 'INITIALISED' WHERE state = 'ASSIGNED'");
      s.execute(
          "UPDATE volume_mapping SET state = 'ATTACHED', version = version + 1"
              + " WHERE state = 'INITIALISED'");
      s.execute(
          "UPDATE vm_mapping SET state = 'DETACHED', version = version + 1"
              + " WHERE state = 'DETACHING'");
      s.execute(
          "UPDATE volume_mapping SET state = 'DETACHED', version = version + 1"
              + " WHERE state = 'DETACHING'");
      s.execute("UPDATE lvol SET state = 'DELETED' WHERE state = 'DELETING'");
      s.execute("UPDATE volume SET state = 'DELETED' WHERE state = 'DELETING'");
    }
  }

  private int run(String... args) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    CommandLine command = Main.commandLine();
    command.setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true));
    return command.execute(args);
  }

  /** A command that asks the API, as a line of words. */
  private int ask(String line) {
    String[] words = line.split(" ");
    String[] all = new String[words.length + 4];
    System.arraycopy(words, 0, all, 0, words.length);
    all[words.length] = "--api";
    all[words.length + 1] = controller.uri().toString();
    all[words.length + 2] = "--token-file";
    all[words.length + 3] = tokens.toString();
    return run(all);
  }

  private void assertOneErrorLine(String text) {
    assertThat(err.toString().strip().lines()).hasSize(1);
    assertThat(err.toString()).contains(text);
  }

  @Test
  void volumeIsCreatedAttachedShownDetachedAndDeleted() throws Exception {
    assertThat(ask("volume create db --size 1GiB --wait 0")).isZero();
    assertThat(out.toString()).isEqualTo("volume db is CREATING\n");
    assertThat(ask("volume create db --size 1GiB --wait 1")).isEqualTo(3);
    assertOneErrorLine("volume db is created, but not yet AVAILABLE: waits for node sn1 to create");
    assertThat(ask("why db")).isZero();
    assertThat(out.toString())
        .startsWith("volume db is CREATING, waits for every replica to be UP\n  lvol v")
        .contains("waits for node sn2 to create it");
    confirmEverything();
    assertThat(ask("volume create db --size 1GiB")).isZero();
    assertThat(out.toString()).isEqualTo("volume db is AVAILABLE\n");

    assertThat(ask("volume attach db --node bm1 --wait 0")).isEqualTo(3);
    assertOneErrorLine("waits for node bm1 to attach the legs");
    confirmEverything();
    assertThat(ask("volume attach db --node bm1")).isZero();
    assertThat(out.toString())
        .contains("socket /tmp/a,b/vhost")
        .contains("group kvm")
        .contains("-object memory-backend-memfd,id=mem,size=2G,share=on")
        .contains("-chardev socket,id=de-db,path=/tmp/a,,b/vhost")
        .contains(",reconnect=1 ")
        .contains("-device vhost-user-blk-pci,chardev=de-db,num-queues=2")
        .contains("<source type='unix' path='/tmp/a,b/vhost");

    assertThat(ask("volume list")).isZero();
    assertThat(out.toString().lines().map(l -> l.replaceAll(" +", " ")))
        .contains("NAME SIZE IN SYNC STATE NODE WAITING FOR", "db 1GiB 2/2 ATTACHED bm1 -");
    assertThat(ask("volume show db")).isZero();
    assertThat(out.toString())
        .contains("1GiB, guest sees 1027MiB")
        .contains("2 of 2 in sync")
        .contains("ATTACHED on bm1");
    assertThat(ask("volume delete db")).isEqualTo(2);
    assertOneErrorLine("diskengine volume delete: volume db is attached: detach it first");

    assertThat(ask("volume detach db --wait 0")).isEqualTo(3);
    confirmEverything();
    assertThat(ask("volume detach db")).isZero();
    assertThat(ask("volume delete db --wait 0")).isEqualTo(3);
    confirmEverything();
    assertThat(ask("volume show db")).isEqualTo(2);
    assertOneErrorLine("there is no volume db");
    assertThat(ask("events")).isZero();
    assertThat(out.toString())
        .contains("volume db")
        .contains("create requested: 1GiB, 2 replica(s) on sn1, sn2");
  }

  @Test
  void jsonOutputIsTheApisAnswer() {
    assertThat(ask("node list --output json")).isZero();
    assertThat(ApiJson.MAPPER.readTree(out.toString()).at("/nodes/0/name").stringValue())
        .isEqualTo("bm1");
  }

  @Test
  void nodesAndDisksAreTables() {
    assertThat(ask("node list")).isZero();
    assertThat(out.toString().lines().map(l -> l.replaceAll(" +", " ")))
        .anyMatch(l -> l.startsWith("sn1 storage-node sn1 running READY "));
    assertThat(ask("disk list")).isZero();
    assertThat(out.toString().lines().map(l -> l.replaceAll(" +", " ")))
        .anyMatch(l -> l.matches("[0-9]+ sn1 SER-sn1 64GiB 64.0GiB 4096 UP /d"));
  }

  @Test
  void whyFollowsPublishedReasonsAndNamesTheReporter() throws Exception {
    long id = bm1.nodeId();
    bm1.write(
        new AgentWrite.PublishReasons(
            List.of(
                new Reason(
                    new ObjectRef(ObjectKind.NODE, id),
                    "its data plane to answer",
                    Instant.parse("2026-01-01T00:00:00Z"),
                    4,
                    "connection refused",
                    null,
                    null))));
    try {
      assertThat(ask("why node/bm1")).isZero();
      assertThat(out.toString())
          .contains(
              "node bm1 is data plane READY, waits for its data plane to answer,"
                  + " since 2026-01-01T00:00:00Z")
          .contains("4 attempts, last error: connection refused [bm1]");
    } finally {
      bm1.write(new AgentWrite.PublishReasons(List.of()));
    }
    assertThat(ask("why sn1")).isZero();
    assertThat(out.toString()).endsWith("nothing waits\n");
  }

  @Test
  void eventsArePrintedOnOneLineEach() {
    bm1.write(
        new AgentWrite.AppendEvent(
            Event.Severity.WARNING,
            new ObjectRef(ObjectKind.NODE, bm1.nodeId()),
            "bm1",
            "two\nlines \u001b[31m"));
    assertThat(ask("events --limit 1")).isZero();
    assertThat(out.toString().lines()).hasSize(2);
    assertThat(out.toString()).contains("two lines  [31m");
  }

  @Test
  void planShowsWhatWasPublishedLast() {
    bm1.write(new AgentWrite.PublishPlan("empty plan"));
    assertThat(ask("plan --wait 0 --node bm1")).isZero();
    assertThat(out.toString()).isEqualTo("bm1 (published last):\n  empty plan\n");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          volume create db                                | Missing required option: '--size=SIZE'
          volume create --size 1GiB                       | Missing required parameter: 'NAME'
          volume create DB --size 1GiB                    | volume name "DB": must be 1-63
          volume create db --size 1GB                     | size "1GB": must be a whole number
          volume create db --size 5MiB                    | size "5MiB": must be
          volume create db --size -1                      | size "-1": must be
          volume create db --size 99999999999999999999TiB | size "99999999999999999999TiB"
          volume create db --size 1GiB --replicas 0       | replicas "0": must be from 1 to 3
          volume create db --size 1GiB --replicas two     | 'two' is not an int
          volume create db --size 1GiB --wait 61          | --wait 61: must be from 0 to 60
          volume create db --size 40TiB                   | 2 replica(s) of 40TiB need 2 failure
          volume create db --size 1GiB --colour red       | Unknown options: '--colour', 'red'
          volume show nope                                | there is no volume nope
          volume show a b                                 | Unmatched argument at index 3: 'b'
          volume attach nope --node bm1                   | there is no volume nope
          volume attach db                                | Missing required option: '--node=NODE'
          volume attach db --node BM1                     | node name "BM1": must be
          volume detach nope                              | there is no volume nope
          volume delete nope                              | there is no volume nope
          volume delete ../nodes                          | volume name "../nodes": must be
          volume frobnicate                               | frobnicate
          volume list --output xml                        | expected one of [table, json]
          events --limit 0                                | --limit 0: must be from 1 to 1000
          events --before -3                              | --before -3: must be
          why nope                                        | there is no volume, node, disk, lvol
          why colour/red                                  | kind "colour": must be one of
          why /                                           | must be NAME or KIND/NAME
          plan --node nope                                | there is no node nope
          plan --wait x                                   | 'x' is not an int
          """)
  void badInputIsOneLineAndExitCodeTwo(String line, String text) {
    assertThat(ask(line)).as(line).isEqualTo(2);
    assertOneErrorLine(text);
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void nodesAreCordonedDrainedAndGetWorkAgain() {
    assertThat(ask("node cordon sn1")).isZero();
    assertThat(out.toString()).startsWith("node sn1 is CORDONED: ");
    assertThat(ask("node list")).isZero();
    assertThat(out.toString()).contains("CORDONED");
    assertThat(ask("node drain sn1")).isZero();
    assertThat(out.toString()).startsWith("node sn1 is DRAINING: ");
    assertThat(ask("node uncordon sn1 --output json")).isZero();
    assertThat(ApiJson.MAPPER.readTree(out.toString()).at("/schedulability").stringValue())
        .isEqualTo("ACTIVE");
    assertThat(ask("node drain nope")).isEqualTo(2);
    assertOneErrorLine("there is no node nope");
  }

  @Test
  void migrateBringsADatabaseToThisVersionAndAgainChangesNothing() throws Exception {
    String[] line = {
      "migrate",
      "--db-url",
      database.url(),
      "--db-user",
      Role.OWNER.user(),
      "--db-password-file",
      database.passwordFile(Role.OWNER).toString()
    };
    assertThat(run(line)).isZero();
    assertThat(out.toString()).contains("has this version's schema");
    assertThat(run("migrate", "--db-url", "nonsense")).isEqualTo(2);
    assertOneErrorLine("jdbc:postgresql://HOST[:PORT]/DATABASE");
  }

  @Test
  void apiThatIsNotThereIsOneLineWithWhatToDo() throws Exception {
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    assertThat(run("volume", "list", "--api", "http://127.0.0.1:" + port)).isEqualTo(69);
    assertOneErrorLine(
        "no API at http://127.0.0.1:" + port + ": is `diskengine up` running? (else give --api)");
    assertThat(run("volume", "list", "--api", "localhost:7600")).isEqualTo(2);
    assertOneErrorLine("must be http://HOST:PORT");
  }

  @Test
  void tokensAreRequiredAndTheirFileMustBePrivate() throws Exception {
    assertThat(run("volume", "list", "--api", controller.uri().toString())).isEqualTo(2);
    assertOneErrorLine("a token of the controller's token file is needed");
    Path open = Files.writeString(temp.resolve("open"), Files.readString(tokens));
    Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rw-r--r--"));
    assertThat(
            run(
                "volume",
                "list",
                "--api",
                controller.uri().toString(),
                "--token-file",
                open.toString()))
        .isEqualTo(2);
    assertOneErrorLine("is open to others: chmod 600");
  }

  @Test
  void rpcPrintsTheResultOrOneLine() throws Exception {
    Path socket = temp.resolve("spdk.sock");
    assertThat(run("rpc", "-s", socket.toString(), "spdk_get_version")).isEqualTo(69);
    assertOneErrorLine("is the data plane running with -r " + socket);
    assertThat(run("rpc", "spdk_get_version", "[1]")).isEqualTo(2);
    assertOneErrorLine("JSON \"[1]\": must be one JSON object");
    assertThat(run("rpc", "spdk_get_version", "{")).isEqualTo(2);
    assertThat(run("rpc", "no such method")).isEqualTo(2);
    assertThat(run("rpc", "-s", "host:port", "spdk_get_version")).isEqualTo(2);
    assertOneErrorLine("neither a socket path nor host:port");
    assertThat(run("rpc", "-t", "0", "spdk_get_version")).isEqualTo(2);
    try (Engine engine =
        Engine.start(new EngineOptions(socket.toString(), temp, false, ReactorOptions.of(1)))) {
      assertThat(run("rpc", "-s", socket.toString(), "spdk_get_version")).isZero();
      assertThat(ApiJson.MAPPER.readTree(out.toString()).at("/fields/major").intValue())
          .isEqualTo(26);
      assertThat(run("rpc", "-s", socket.toString(), "no_such_method")).isEqualTo(2);
      assertOneErrorLine("-32601 METHOD_NOT_FOUND");
      assertThat(run("rpc", "-s", socket.toString(), "bdev_get_bdevs", "{\"name\": \"not_there\"}"))
          .isEqualTo(1);
      assertOneErrorLine("-19 ENODEV");
    }
  }

  @Test
  void configurationIsComparedWithPostgres() throws Exception {
    Path socket = temp.resolve("diff.sock");
    Path file = temp.resolve("diff.json");
    assertThat(ask("volume create compared --size 1GiB --wait 0")).isZero();
    try (Engine engine =
        Engine.start(new EngineOptions(socket.toString(), temp, false, ReactorOptions.of(1)))) {
      assertThat(run("config", "save", "-s", socket.toString(), file.toString())).isZero();
      assertThat(ask("config diff -s " + socket + " --of sn1 " + file)).isEqualTo(1);
      assertThat(out.toString())
          .containsPattern("\\? export nqn\\.[^ ]+: in PostgreSQL, not in the data plane\n");
      String nqn = "nqn.2026-11.io.diskengine:elsewhere";
      assertThat(
              run(
                  "rpc",
                  "-s",
                  socket.toString(),
                  "nvmf_create_subsystem",
                  "{\"nqn\": \"" + nqn + "\"}"))
          .isZero();
      assertThat(ask("config diff -s " + socket + " --of sn1 " + file)).isEqualTo(1);
      assertThat(out.toString())
          .contains("+ nvmf_create_subsystem {")
          .contains("? export " + nqn + ": in the data plane, not in PostgreSQL\n");
    } finally {
      assertThat(ask("volume delete compared --wait 0")).isIn(0, 3);
      confirmEverything();
    }
  }

  @Test
  void completionScriptCanBeMade() {
    assertThat(run("generate-completion")).isZero();
    assertThat(out.toString()).contains("_complete_diskengine");
  }
}

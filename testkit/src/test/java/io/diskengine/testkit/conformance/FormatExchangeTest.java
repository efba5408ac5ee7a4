package io.diskengine.testkit.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.testkit.vhost.VhostDisk;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * What one implementation left on its disks, another opens: stores and raid1 legs go to and fro
 * between the engine and a real {@code spdk_tgt} when {@link Implementation#SPDK_TGT} names one,
 * and between two engines always. After a SIGTERM and after a SIGKILL: the latter leaves the
 * engine's shadow pages on the disk.
 */
@Timeout(300)
class FormatExchangeTest {
  private static final JsonMapper JSON = new JsonMapper();
  private static final int BLOCK = 4096;
  private static final int ROUNDS = 6;

  /** Two engines only show that the test itself works. */
  private static final int ROUNDS_OF_TWO_ENGINES = 2;

  private static final int METADATA_START = 48;
  private static final int METADATA_PAGES = 52;
  private static final int CLEAN = 16;

  /** As the agents make them: SPDK's lvols show what freed clusters held where nothing frees it. */
  private static final String FALLOCATE = ",'fallocate':true";

  @TempDir Path directory;

  private final Map<String, Map<Integer, Integer>> written = new HashMap<>();
  private RandomGenerator random = new Random(0);
  private DataPlaneProcess process;
  private RawRpc rpc;

  @SuppressWarnings("NullAway.Init") // each test opens a plane first
  FormatExchangeTest() {}

  /** Two who take turns, and how each of them ends. */
  record Exchange(Implementation first, Implementation second, boolean killed) {
    Implementation turn(int round) {
      return round % 2 == 0 ? first : second;
    }

    int rounds() {
      return first == second ? ROUNDS_OF_TWO_ENGINES : ROUNDS;
    }

    @Override
    public String toString() {
      return first + " and " + second + ", " + (killed ? "killed" : "ended in order");
    }
  }

  static Stream<Exchange> exchanges() {
    List<Implementation> all = Implementation.all();
    Implementation engine = all.getFirst();
    return all.stream()
        .filter(other -> !other.gaps().contains(ConformanceGap.NO_PROCESS)) // has no format either
        .flatMap(other ->
            Stream.of(new Exchange(engine, other, true), new Exchange(engine, other, false)));
  }

  static Stream<Exchange> killedExchanges() {
    return exchanges().filter(Exchange::killed);
  }

  private void seed() {
    long seed = System.nanoTime();
    System.out.println("FormatExchangeTest seed " + seed);
    random = new Random(seed);
  }

  // ---- the data plane whose turn it is

  private void open(Implementation implementation, String name) throws IOException {
    process = implementation.startProcess(directory, name, "--wait-for-rpc");
    rpc = new RawRpc(process.socket());
    ok("bdev_set_options", "{'bdev_auto_examine':false}");
    ok("framework_start_init", "");
  }

  private void end(boolean killed) throws IOException {
    rpc.close();
    if (killed) {
      process.kill();
    }
    process.close();
  }

  @AfterEach
  void closeLast() throws IOException {
    if (rpc != null) {
      rpc.close();
      process.close();
    }
  }

  private JsonNode ok(String method, String params) throws IOException {
    return SpdkConformance.ok(rpc, method, params);
  }

  private void disk(String name, long sizeMib, String more) throws IOException {
    Path file = directory.resolve(name);
    if (!Files.exists(file)) {
      try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
        sparse.setLength(sizeMib << 20);
      }
    }
    ok(
        "bdev_aio_create",
        "{'name':'%s','filename':'%s','block_size':4096%s}".formatted(name, file, more));
  }

  private void examine(String bdev) throws IOException {
    ok("bdev_examine", "{'name':'" + bdev + "'}");
    ok("bdev_wait_for_examine", "");
  }

  // ---- content

  private static byte[] content(int seed) {
    byte[] bytes = new byte[BLOCK];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  private interface Use {
    void with(VhostDisk disk);
  }

  private void use(String bdev, Use use) throws IOException {
    ok("vhost_create_blk_controller", "{'ctrlr':'vh','dev_name':'" + bdev + "'}");
    try (VhostDisk disk = new VhostDisk(process.vhostDirectory().resolve("vh"))) {
      use.with(disk);
      disk.flush();
    }
    long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
    while (!rpc.call("vhost_delete_controller", "{'ctrlr':'vh'}").startsWith("\"result\"")) {
      assertThat(System.nanoTime()).as("the session ends").isLessThan(deadline);
      RawRpc.pause(Duration.ofMillis(10));
    }
  }

  /** Random blocks of a device, remembered. */
  private void write(String bdev, int sizeMib, int count) throws IOException {
    Map<Integer, Integer> blocks = written.computeIfAbsent(bdev, _ -> new TreeMap<>());
    use(
        bdev,
        disk -> {
          for (int i = 0; i < count; i++) {
            int block = random.nextInt(sizeMib << 8);
            int seed = random.nextInt();
            disk.write((long) block * BLOCK, content(seed));
            blocks.put(block, seed);
          }
        });
  }

  /** Everything that was written, and that what was not is zero. */
  private void verify(String bdev, int sizeMib) throws IOException {
    Map<Integer, Integer> blocks = written.getOrDefault(bdev, Map.of());
    use(
        bdev,
        disk -> {
          blocks.forEach((block, seed) ->
              assertThat(disk.read((long) block * BLOCK, BLOCK))
                  .as("%s, block %d", bdev, block)
                  .isEqualTo(content(seed)));
          for (int i = 0; i < 64; i++) {
            int block = random.nextInt(sizeMib << 8);
            if (!blocks.containsKey(block)) {
              assertThat(disk.read((long) block * BLOCK, BLOCK))
                  .as("%s, unwritten block %d", bdev, block)
                  .isEqualTo(new byte[BLOCK]);
            }
          }
        });
  }

  // ---- stores

  private void lvol(String name, int sizeMib, boolean thin) throws IOException {
    ok("bdev_lvol_create", create(name, sizeMib, thin));
  }

  private static String create(String name, int sizeMib, boolean thin) {
    return "{'lvs_name':'lvs0','lvol_name':'%s','size_in_mib':%d,'thin_provision':%s}"
        .formatted(name, sizeMib, thin);
  }

  private void deleteLvol(String name) throws IOException {
    ok("bdev_lvol_delete", "{'name':'lvs0/" + name + "'}");
    written.remove("lvs0/" + name);
  }

  private Set<String> lvolNames() throws IOException {
    Set<String> names = new HashSet<>();
    ok("bdev_lvol_get_lvols", "").forEach(lvol -> names.add(lvol.get("name").asString()));
    return names;
  }

  /** Everything that the RPCs say of the store and of each lvol. */
  private Map<String, JsonNode> state() throws IOException {
    Map<String, JsonNode> state = new TreeMap<>();
    state.put("store", ok("bdev_lvol_get_lvstores", ""));
    for (JsonNode lvol : ok("bdev_lvol_get_lvols", "")) {
      String alias = lvol.get("alias").asString();
      state.put(alias, lvol);
      JsonNode bdev = ok("bdev_get_bdevs", "{'name':'" + alias + "'}").get(0);
      for (String member : List.of("uuid", "num_blocks", "block_size", "driver_specific")) {
        state.put(alias + " " + member, bdev.get(member));
      }
    }
    return state;
  }

  private ByteBuffer superBlock() throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(directory.resolve("A0").toFile(), "r")) {
      byte[] bytes = new byte[BLOCK];
      file.readFully(bytes);
      return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
  }

  /** Pages of the engine's own among the last of the metadata. */
  private int shadows() throws IOException {
    ByteBuffer layout = superBlock();
    int pages = layout.getInt(METADATA_PAGES);
    int slots = Math.min(64, pages / 16);
    int found = 0;
    try (RandomAccessFile file = new RandomAccessFile(directory.resolve("A0").toFile(), "r")) {
      byte[] page = new byte[BLOCK];
      for (int i = pages - slots; i < pages; i++) {
        file.seek((long) (layout.getInt(METADATA_START) + i) * BLOCK);
        file.readFully(page);
        found += ByteBuffer.wrap(page).order(ByteOrder.LITTLE_ENDIAN).getInt(12) != 0 ? 1 : 0;
      }
    }
    return found;
  }

  @ParameterizedTest
  @MethodSource("exchanges")
  void storeGoesToAndFro(Exchange exchange) throws Exception {
    seed();
    Map<String, JsonNode> left = Map.of();
    for (int round = 0; round < exchange.rounds(); round++) {
      open(exchange.turn(round), "dp");
      disk("A0", 1024, FALLOCATE);
      if (round == 0) {
        ok("bdev_lvol_create_lvstore", "{'bdev_name':'A0','lvs_name':'lvs0','cluster_sz':1048576}");
        lvol("thin", 200, true);
        lvol("thick", 16, false);
        use(
            "lvs0/thick",
            disk -> { // what a thick lvol shows first differs: see ZEROED_CLUSTERS
              for (int at = 0; at < 16 << 20; at += VhostDisk.MAX_BYTES) {
                disk.write(at, new byte[VhostDisk.MAX_BYTES]);
              }
            });
      } else {
        examine("A0");
        assertThat(state()).as("round %d, %s", round, exchange).isEqualTo(left);
        verify("lvs0/thin", 200);
        verify("lvs0/thick", 16);
        for (int i = 0; i < 8; i++) {
          verify("lvs0/small" + (round - 1) + "_" + i, 3);
        }
        for (int i = 0; i < 8; i++) {
          deleteLvol("small" + (round - 1) + "_" + i);
        }
      }
      write("lvs0/thin", 200, 40);
      write("lvs0/thick", 16, 20);
      for (int i = 0; i < 8; i++) {
        lvol("small" + round + "_" + i, 3, true);
        write("lvs0/small" + round + "_" + i, 3, 4);
      }
      left = state();
      end(exchange.killed());
      assertThat(superBlock().getInt(CLEAN)).as("clean").isEqualTo(exchange.killed() ? 0 : 1);
      if (exchange.turn(round) == exchange.first()) {
        assertThat(shadows() > 0).as("shadow pages").isEqualTo(exchange.killed());
      }
    }
  }

  @ParameterizedTest
  @MethodSource("killedExchanges")
  void storeWhoseOwnerIsKilledInTheMiddleOfChangesHasEveryAnsweredOne(Exchange exchange)
      throws Exception {
    seed();
    Set<String> there = new HashSet<>();
    for (int round = 0; round < exchange.rounds() + 2; round++) {
      open(exchange.turn(round), "dp");
      disk("A0", 1024, FALLOCATE);
      if (round == 0) {
        ok("bdev_lvol_create_lvstore", "{'bdev_name':'A0','lvs_name':'lvs0','cluster_sz':1048576}");
        lvol("data", 200, true);
        there.add("data");
      } else {
        examine("A0");
        assertThat(lvolNames()).as("round %d, %s", round, exchange).isEqualTo(there);
        verify("lvs0/data", 200);
      }
      write("lvs0/data", 200, 20);
      there = killAmidChanges(round, there);
    }
  }

  /** Sends creations and deletions, kills, and answers what must be there, looked at by nobody. */
  private Set<String> killAmidChanges(int round, Set<String> before) throws Exception {
    List<String> old = before.stream().filter(name -> name.startsWith("c")).sorted().toList();
    List<String> created = new ArrayList<>();
    StringBuilder requests = new StringBuilder();
    int requested = 0;
    for (int i = 0; i < 60; i++) {
      requested++;
      created.add("c" + round + "_" + i);
      requests.append(request(i, "bdev_lvol_create", create("c" + round + "_" + i, 3, true)));
      if (i < old.size()) {
        requested++;
        String params = "{'name':'lvs0/" + old.get(i) + "'}";
        requests.append(request(1000 + i, "bdev_lvol_delete", params));
      }
    }
    rpc.send(requests.toString());
    StringBuilder answers = new StringBuilder();
    for (int wanted = random.nextInt(requested); wanted > 0; wanted--) {
      answers.append(rpc.line());
    }
    process.kill();
    answers.append(rpc.untilClosed());
    Set<Integer> answered = new HashSet<>();
    answers
        .toString()
        .lines()
        .filter(line -> line.endsWith("}"))
        .map(JSON::readTree)
        .filter(answer -> answer.has("result"))
        .forEach(answer -> answered.add(answer.get("id").asInt()));
    rpc.close();
    process.close();
    System.out.printf(
        "round %d: %d changes were answered, shadows: %d%n", round, answered.size(), shadows());
    return settle(round, before, old, created, answered);
  }

  /** What was answered must be so; of what was not, the next owner tells. */
  private Set<String> settle(
      int round, Set<String> before, List<String> old, List<String> created, Set<Integer> answered)
      throws IOException {
    Implementation engine = Implementation.all().getFirst();
    Path copy = directory.resolve("copy");
    Files.copy(directory.resolve("A0"), copy, StandardCopyOption.REPLACE_EXISTING);
    Set<String> must = new HashSet<>(before);
    Set<String> may = new HashSet<>(before);
    for (int i = 0; i < created.size(); i++) {
      may.add(created.get(i));
      if (answered.contains(i)) {
        must.add(created.get(i));
      }
      if (i < old.size()) {
        must.remove(old.get(i));
        if (answered.contains(1000 + i)) {
          may.remove(old.get(i));
        }
      }
    }
    open(engine, "look");
    ok("bdev_aio_create", "{'name':'A0','filename':'" + copy + "','block_size':4096}");
    examine("A0");
    Set<String> found = lvolNames();
    end(true);
    assertThat(found).as("round %d", round).containsAll(must).isSubsetOf(may);
    return found;
  }

  private static String request(int id, String method, String params) {
    return "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"%s\",\"params\":%s}"
        .formatted(id, method, params.replace('\'', '"'));
  }

  @ParameterizedTest
  @MethodSource("killedExchanges")
  void storeWithoutAFreeMetadataPageGoesToAndFro(Exchange exchange) throws Exception {
    seed();
    Map<String, JsonNode> left = Map.of();
    int names = 0;
    for (int round = 0; round < 4; round++) {
      open(exchange.turn(round + 1), "dp");
      disk("A0", 128, FALLOCATE);
      if (round == 0) {
        ok("bdev_lvol_create_lvstore", "{'bdev_name':'A0','lvs_name':'lvs0','cluster_sz':4194304}");
        lvol("n0", 4, true);
        names = 1;
        write("lvs0/n0", 4, 10);
      } else {
        examine("A0");
        assertThat(state()).as("round %d, %s", round, exchange).isEqualTo(left);
        verify("lvs0/n0", 4);
        for (String name : lvolNames().stream().filter(n -> !n.equals("n0")).limit(2).toList()) {
          deleteLvol(name);
        }
      }
      while (rpc.call("bdev_lvol_create", create("n" + names, 4, true)).startsWith("\"result\"")) {
        names++;
      }
      write("lvs0/n0", 4, 10);
      left = state();
      end(true);
    }
    assertThat(names).as("32 pages, one of them the store's own").isGreaterThanOrEqualTo(30);
  }

  // ---- raid1

  private static final String[] UUIDS = {
    "0d5c7d3a-51a5-4c0e-9f3b-6a1e4f7b0c01", "0d5c7d3a-51a5-4c0e-9f3b-6a1e4f7b0c02"
  };

  private void legs() throws IOException {
    for (int i = 0; i < 2; i++) {
      disk("L" + i, 32, ",'uuid':'" + UUIDS[i] + "'");
    }
  }

  /** All that is said of it, but where the data of an absent leg would begin: that is forgotten. */
  private JsonNode raid() throws IOException {
    JsonNode raids = ok("bdev_raid_get_bdevs", "{'category':'all'}");
    for (JsonNode leg : raids.at("/0/base_bdevs_list")) {
      if (!leg.get("is_configured").asBoolean()) {
        ((ObjectNode) leg).remove("data_offset");
      }
    }
    return raids;
  }

  @ParameterizedTest
  @MethodSource("exchanges")
  void raidGoesToAndFroWithAStaleLegRebuiltByTheOther(Exchange exchange) throws Exception {
    seed();
    open(exchange.first(), "dp");
    legs();
    ok(
        "bdev_raid_create",
        "{'name':'r0','raid_level':'raid1','superblock':true,'base_bdevs':['L0','L1']}");
    write("r0", 31, 40);
    for (int round = 1; round <= exchange.rounds(); round++) {
      ok("bdev_raid_remove_base_bdev", "{'name':'L" + round % 2 + "'}");
      write("r0", 31, 40);
      JsonNode left = raid();
      end(exchange.killed());

      open(exchange.turn(round), "dp");
      legs();
      examine("L" + round % 2); // the stale one, which is not to be trusted
      assertThat(raid()).as("round %d, %s", round, exchange).isEqualTo(left);
      assertThat(left.at("/0/state").asString()).isEqualTo("online");
      assertThat(left.at("/0/num_base_bdevs_operational").asInt()).isEqualTo(1);
      verify("r0", 31);
      ok("bdev_raid_add_base_bdev", "{'raid_bdev':'r0','base_bdev':'L" + round % 2 + "'}");
      SpdkConformance.await(
          rpc,
          "bdev_raid_get_bdevs",
          "{'category':'all'}",
          raids ->
              raids.at("/0/num_base_bdevs_operational").asInt() == 2
                  && raids.at("/0/process").isMissingNode());
      write("r0", 31, 20);
      left = raid();
      end(exchange.killed());

      open(exchange.turn(round + 1), "dp");
      legs();
      examine("L0");
      assertThat(raid()).as("rebuilt in round %d, %s", round, exchange).isEqualTo(left);
      verify("r0", 31);
    }
  }
}

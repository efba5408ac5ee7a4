package io.diskengine.engine.rpc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.diskengine.engine.Engine;
import io.diskengine.engine.EngineOptions;
import io.diskengine.engine.reactor.ReactorOptions;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The bdev_raid methods over a socket; the expected answers are what SPDK answered. */
class RaidRpcTest {
  private static final String A = "3d647b69-1fbb-4ac5-a176-4ddbbb3ff451";
  private static final String B = "c27dd5a2-8b03-4efe-88fa-3c5aadd2ed51";
  private static final String R = "360a160f-7e83-453a-932e-a67913b63065";
  private static final String NIL = "00000000-0000-0000-0000-000000000000";

  @TempDir private Path directory;
  private Engine engine;
  private SocketChannel client;

  @SuppressWarnings("NullAway.Init") // start() sets the fields
  RaidRpcTest() {}

  @BeforeEach
  void start() throws IOException {
    String socket = directory.resolve("rpc.sock").toString();
    engine = Engine.start(new EngineOptions(socket, directory, false, ReactorOptions.of(2)));
    client = SocketChannel.open(StandardProtocolFamily.UNIX);
    client.connect(UnixDomainSocketAddress.of(socket));
    nullBdev("lan1", A, 4096);
    nullBdev("lcn1", B, 4096);
  }

  @AfterEach
  void stop() throws IOException {
    client.close();
    engine.close();
  }

  private void nullBdev(String name, String uuid, int blockSize) throws IOException {
    String params =
        "{'name':'%s','uuid':'%s','num_blocks':65536,'block_size':%d}"
            .formatted(name, uuid, blockSize);
    assertEquals("\"result\":\"" + name + "\"", call("bdev_null_create", params));
  }

  /** Everything of the answer but version and id; quotes of {@code params} may be single. */
  private String call(String method, String params) throws IOException {
    String request =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\""
            + method
            + "\",\"params\":"
            + params.replace('\'', '"')
            + "}";
    client.write(ByteBuffer.wrap(request.getBytes(StandardCharsets.UTF_8)));
    ByteArrayOutputStream answer = new ByteArrayOutputStream();
    ByteBuffer in = ByteBuffer.allocate(65536);
    do {
      in.clear();
      if (client.read(in) < 0) {
        throw new IOException("the engine closed the connection");
      }
      answer.write(in.array(), 0, in.position());
    } while (answer.toByteArray()[answer.size() - 1] != '\n');
    String text = answer.toString(StandardCharsets.UTF_8).strip();
    String head = "{\"jsonrpc\":\"2.0\",\"id\":1,";
    assertTrue(text.startsWith(head), text);
    return text.substring(head.length(), text.length() - 1);
  }

  private static String error(int code, String message) {
    return "\"error\":{\"code\":" + code + ",\"message\":\"" + message + "\"}";
  }

  private static String raid(
      String uuid,
      String state,
      boolean superblock,
      int discovered,
      int operational,
      String... legs) {
    return ("\"result\":[{'name':'r0','uuid':'%1$s','uuid':'%1$s','strip_size_kb':0,"
            + "'state':'%2$s','raid_level':'raid1','superblock':%3$s,'num_base_bdevs':2,"
            + "'num_base_bdevs_discovered':%4$d,'num_base_bdevs_operational':%5$d,"
            + "'base_bdevs_list':[%6$s]}]")
        .formatted(uuid, state, superblock, discovered, operational, String.join(",", legs))
        .replace('\'', '"');
  }

  private static String leg(String name, String uuid, boolean configured, int offset, int size) {
    return "{\"name\":%s,\"uuid\":\"%s\",\"is_configured\":%s,\"data_offset\":%d,\"data_size\":%d}"
        .formatted(name, uuid, configured, offset, size);
  }

  private String all() throws IOException {
    return call("bdev_raid_get_bdevs", "{'category':'all'}");
  }

  private String create(String rest) throws IOException {
    return call("bdev_raid_create", "{'name':'r0','raid_level':'raid1'," + rest + "}");
  }

  @Test
  void refusedCreations() throws IOException {
    String invalid = error(-22, "Failed to create RAID bdev r0: Invalid argument");
    String decode = error(-32700, "spdk_json_decode_object failed");
    nullBdev("B512", "cafe7b69-1fbb-4ac5-a176-4ddbbb3ff451", 512);
    assertEquals(invalid, create("'base_bdevs':['lan1'],'superblock':false"));
    assertEquals(
        error(-1, "Failed to create RAID bdev r0: Operation not permitted"),
        create("'base_bdevs':['lan1','lan1'],'superblock':false"));
    assertEquals(invalid, create("'base_bdevs':['lan1','B512']"));
    assertEquals(invalid, create("'strip_size_kb':64,'base_bdevs':['lan1','lcn1']"));
    assertEquals(
        error(-22, "The base bdev name cannot be empty: Invalid argument"),
        create("'base_bdevs':['lan1','']"));
    assertEquals(
        decode,
        call(
            "bdev_raid_create", "{'name':'r0','raid_level':'raid9','base_bdevs':['lan1','lcn1']}"));
    assertEquals(
        error(-22, "Failed to create RAID bdev c0: Invalid argument"),
        call(
            "bdev_raid_create",
            "{'name':'c0','raid_level':'concat','base_bdevs':['lan1','lcn1']}"));
    assertEquals(decode, call("bdev_raid_get_bdevs", "{'category':'bogus'}"));
    assertEquals("\"result\":[]", all());
    assertEquals(error(-19, "raid bdev r0 not found"), call("bdev_raid_delete", "{'name':'r0'}"));
  }

  @Test
  void arrayWithAMissingLegWaits() throws IOException {
    assertEquals("\"result\":true", create("'base_bdevs':['lan1','nope'],'superblock':false"));
    assertEquals(
        raid(
            NIL,
            "configuring",
            false,
            1,
            2,
            leg("\"lan1\"", A, true, 0, 65536),
            leg("\"nope\"", NIL, false, 0, 0)),
        all());
    assertEquals("\"result\":true", call("bdev_raid_delete", "{'name':'r0'}"));
  }

  @Test
  void lifeOfAnArray() throws IOException {
    String legs = "'base_bdevs':['lan1','lcn1'],'superblock':true,'uuid':'" + R + "'";
    assertEquals("\"result\":true", create(legs));
    assertEquals(error(-17, "Failed to create RAID bdev r0: File exists"), create(legs));
    assertEquals(
        error(-1, "Failed to create RAID bdev r1: Operation not permitted"),
        call(
            "bdev_raid_create",
            "{'name':'r1','raid_level':'1','base_bdevs':['lan1','lcn1'],'superblock':true}"));
    String lan1 = leg("\"lan1\"", A, true, 256, 65280);
    String online = raid(R, "online", true, 2, 2, lan1, leg("\"lcn1\"", B, true, 256, 65280));
    assertEquals(online, all());
    assertEquals(online, call("bdev_raid_get_bdevs", "{'category':'online'}"));
    assertEquals("\"result\":[]", call("bdev_raid_get_bdevs", "{'category':'offline'}"));

    assertEquals("\"result\":true", call("bdev_raid_remove_base_bdev", "{'name':'lcn1'}"));
    assertEquals(raid(R, "online", true, 1, 1, lan1, leg("null", NIL, false, 0, 65280)), all());
    String notThere = error(-19, "Failed to remove base bdev from raid bdev");
    assertEquals(notThere, call("bdev_raid_remove_base_bdev", "{'name':'lcn1'}"));
    assertEquals(notThere, call("bdev_raid_remove_base_bdev", "{'name':'nope'}"));

    assertEquals(
        error(-19, "Failed to add base bdev nope to RAID bdev r0: No such device"),
        call("bdev_raid_add_base_bdev", "{'raid_bdev':'r0','base_bdev':'nope'}"));
    assertEquals(
        error(-19, "raid bdev nope is not found in config"),
        call("bdev_raid_add_base_bdev", "{'raid_bdev':'nope','base_bdev':'lcn1'}"));
    assertEquals(
        error(-1, "Failed to add base bdev lan1 to RAID bdev r0: Operation not permitted"),
        call("bdev_raid_add_base_bdev", "{'raid_bdev':'r0','base_bdev':'lan1'}"));
    assertEquals(
        error(-32603, "spdk_json_decode_object failed"),
        call("bdev_raid_add_base_bdev", "{'raid_bdev':'r0'}"));
    assertEquals(
        "\"result\":true",
        call("bdev_raid_add_base_bdev", "{'raid_bdev':'r0','base_bdev':'lcn1'}"));
    assertTrue(all().contains("\"num_base_bdevs_operational\":2"));

    assertEquals("\"result\":true", call("bdev_raid_delete", "{'name':'r0'}"));
    assertEquals("\"result\":[]", all());
  }

  @Test
  void optionsAreCheckedAndReported() throws IOException {
    assertEquals(
        error(-22, "Invalid argument"),
        call("bdev_raid_set_options", "{'process_window_size_kb':0}"));
    assertEquals(
        "\"result\":true", call("bdev_raid_set_options", "{'process_max_bandwidth_mb_sec':100}"));
    String config = call("framework_get_config", "{'name':'bdev'}");
    assertTrue(
        config.contains(
            "\"params\":{\"process_window_size_kb\":1024,\"process_max_bandwidth_mb_sec\":100}"),
        config);
  }

  @Test
  void faultyDevicesByRequest() throws IOException {
    assertEquals("\"result\":true", call("bdev_error_create", "{'base_name':'lan1'}"));
    assertEquals(
        "\"result\":true",
        call(
            "bdev_error_inject_error",
            "{'name':'EE_lan1','io_type':'write','error_type':'failure','num':3}"));
    assertEquals(
        error(-22, "nvme_sct or nvme_sc should be specified for NVMe error injection"),
        call(
            "bdev_error_inject_error",
            "{'name':'EE_lan1','io_type':'all','error_type':'nvme_failure'}"));
    assertEquals(
        error(-19, "No such device"),
        call("bdev_error_inject_error", "{'name':'lan1','io_type':'all','error_type':'failure'}"));
    assertEquals(
        "\"result\":\"d0\"",
        call(
            "bdev_delay_create",
            "{'name':'d0','base_bdev_name':'lcn1','avg_read_latency':10,'p99_read_latency':20,"
                + "'avg_write_latency':30,'p99_write_latency':40}"));
    assertEquals(
        "\"result\":true",
        call(
            "bdev_delay_update_latency",
            "{'delay_bdev_name':'d0','latency_type':'avg_write','latency_us':1000}"));
    assertEquals(
        error(-32600, "The requested bdev is not a delay bdev."),
        call(
            "bdev_delay_update_latency",
            "{'delay_bdev_name':'lcn1','latency_type':'avg_write','latency_us':1000}"));
    assertTrue(call("bdev_get_bdevs", "{'name':'d0'}").contains("\"avg_write_latency\":1000"));
    assertEquals("\"result\":true", call("bdev_delay_delete", "{'name':'d0'}"));
    assertEquals("\"result\":true", call("bdev_error_delete", "{'name':'EE_lan1'}"));
  }
}

package io.diskengine.engine.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.Engine;
import io.diskengine.engine.EngineOptions;
import io.diskengine.engine.reactor.ReactorOptions;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The bdev_lvol methods over a socket, on a file; the expected answers are what SPDK answered. */
class LvolRpcTest {
  private static final String UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}";
  private static final int MIB = 1 << 20;

  @TempDir private Path directory;
  private Engine engine;
  private SocketChannel client;

  @SuppressWarnings("NullAway.Init") // start() sets the fields
  LvolRpcTest() {}

  @BeforeEach
  void start() throws IOException {
    try (FileChannel file =
        FileChannel.open(
            directory.resolve("a0.img"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      file.write(ByteBuffer.allocate(1), 256L * MIB - 1);
    }
    String socket = directory.resolve("rpc.sock").toString();
    engine = Engine.start(new EngineOptions(socket, directory, false, ReactorOptions.of(2)));
    client = SocketChannel.open(StandardProtocolFamily.UNIX);
    client.connect(UnixDomainSocketAddress.of(socket));
    createDisk();
    assertThat(call("bdev_malloc_create", "{'name':'M0','num_blocks':16384,'block_size':4096}"))
        .isEqualTo("\"result\":\"M0\"");
  }

  private void createDisk() throws IOException {
    assertThat(
            call(
                "bdev_aio_create",
                "{'name':'A0','filename':'%s','block_size':4096,'fallocate':true}"
                    .formatted(directory.resolve("a0.img"))))
        .isEqualTo("\"result\":\"A0\"");
  }

  @AfterEach
  void stop() throws IOException {
    client.close();
    engine.close();
  }

  /** Everything of the answer but version and id; quotes of {@code params} may be single. */
  private String call(String method, String params) throws IOException {
    String withParams = params.isEmpty() ? "" : ",\"params\":" + params.replace('\'', '"');
    String request =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" + method + "\"" + withParams + "}";
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
    assertThat(text).startsWith(head);
    return text.substring(head.length(), text.length() - 1);
  }

  private static String error(int code, String message) {
    return "\"error\":{\"code\":" + code + ",\"message\":\"" + message + "\"}";
  }

  private String createStore() throws IOException {
    return result(
        call(
            "bdev_lvol_create_lvstore",
            "{'bdev_name':'A0','lvs_name':'lvs0','cluster_sz':1048576}"));
  }

  private static String result(String answer) {
    assertThat(answer).matches("\"result\":\"" + UUID + "\"");
    return answer.substring(10, answer.length() - 1);
  }

  @Test
  void storesAreMadeRefusedAndListedAsSpdkDoes() throws IOException {
    String uuid = createStore();
    String store =
        "\"result\":[{\"uuid\":\""
            + uuid
            + "\",\"name\":\"lvs0\",\"base_bdev\":\"A0\",\"total_data_clusters\":254,"
            + "\"free_clusters\":254,\"block_size\":4096,\"cluster_size\":1048576,"
            + "\"max_growable_size\":34317795328}]";
    assertThat(call("bdev_lvol_get_lvstores", "")).isEqualTo(store);
    assertThat(call("bdev_lvol_get_lvstores", "{'lvs_name':'lvs0'}")).isEqualTo(store);
    assertThat(call("bdev_lvol_get_lvstores", "{'uuid':'" + uuid + "'}")).isEqualTo(store);
    assertThat(call("bdev_lvol_get_lvstores", "{'lvs_name':'nope'}"))
        .isEqualTo(error(-19, "No such device"));
    assertThat(call("bdev_lvol_get_lvstores", "{}")).isEqualTo(error(-22, "Invalid argument"));
    assertThat(call("bdev_lvol_create_lvstore", "{'bdev_name':'A0','lvs_name':'lvs1'}"))
        .isEqualTo(error(-1, "Operation not permitted"));
    assertThat(call("bdev_lvol_create_lvstore", "{'bdev_name':'M0','lvs_name':'lvs0'}"))
        .isEqualTo(error(-17, "File exists"));
    assertThat(call("bdev_lvol_create_lvstore", "{'bdev_name':'nope','lvs_name':'lvs1'}"))
        .isEqualTo(error(-19, "No such device"));
    assertThat(
            call(
                "bdev_lvol_create_lvstore",
                "{'bdev_name':'M0','lvs_name':'lvs1','cluster_sz':512}"))
        .isEqualTo(error(-22, "Invalid argument"));
    assertThat(call("bdev_lvol_create_lvstore", "{'bdev_name':'M0','lvs_name':'l','x':1}"))
        .isEqualTo(error(-32603, "spdk_json_decode_object failed"));
    assertThat(call("bdev_lvol_delete_lvstore", "{'lvs_name':'lvs0'}"))
        .isEqualTo("\"result\":true");
    assertThat(call("bdev_lvol_delete_lvstore", "{'lvs_name':'lvs0'}"))
        .isEqualTo(error(-19, "No such device"));
    assertThat(call("bdev_lvol_get_lvstores", "")).isEqualTo("\"result\":[]");
  }

  @Test
  void lvolsAreMadeRefusedAndListedAsSpdkDoes() throws IOException {
    String store = createStore();
    String v1 =
        result(call("bdev_lvol_create", "{'lvs_name':'lvs0','lvol_name':'v1','size_in_mib':64}"));
    assertThat(call("bdev_lvol_create", "{'lvs_name':'lvs0','lvol_name':'v1','size_in_mib':64}"))
        .isEqualTo(error(-17, "File exists"));
    assertThat(
            call(
                "bdev_lvol_create",
                "{'lvs_name':'lvs0','lvol_name':'v2','size_in_mib':64,'uuid':'" + store + "'}"))
        .isEqualTo(error(-22, "Invalid argument"));
    assertThat(
            call("bdev_lvol_create", "{'lvs_name':'lvs0','lvol_name':'huge','size_in_mib':4096}"))
        .isEqualTo(error(-32602, "No space left on device"));
    String thin =
        result(
            call(
                "bdev_lvol_create",
                "{'uuid':'"
                    + store
                    + "','lvol_name':'hugethin','size_in_mib':4096,'thin_provision':true}"));
    assertThat(call("bdev_lvol_create", "{'lvs_name':'nope','lvol_name':'x','size_in_mib':64}"))
        .isEqualTo(error(-19, "No such device"));
    assertThat(call("bdev_lvol_create", "{'lvol_name':'x','size_in_mib':64}"))
        .isEqualTo(error(-22, "Invalid argument"));
    assertThat(
            call(
                "bdev_lvol_create",
                "{'lvs_name':'lvs0','lvol_name':'" + "n".repeat(64) + "','size_in_mib':1}"))
        .isEqualTo(error(-22, "Invalid argument"));
    assertThat(call("bdev_lvol_create", "{'lvs_name':'lvs0','lvol_name':'','size_in_mib':1}"))
        .isEqualTo(error(-22, "Invalid argument"));
    String lvols =
        "\"result\":["
            + lvol(store, v1, "v1", false, 64)
            + ","
            + lvol(store, thin, "hugethin", true, 0)
            + "]";
    assertThat(call("bdev_lvol_get_lvols", "")).isEqualTo(lvols);
    assertThat(call("bdev_lvol_get_lvols", "{'lvs_name':'lvs0'}")).isEqualTo(lvols);
    assertThat(call("bdev_lvol_get_lvols", "{'lvs_name':'nope'}"))
        .isEqualTo(error(-19, "No such device"));
    assertThat(call("bdev_get_bdevs", "{'name':'lvs0/hugethin'}"))
        .contains(
            "\"name\":\"" + thin + "\",\"aliases\":[\"lvs0/hugethin\"]",
            "\"product_name\":\"Logical Volume\",\"block_size\":4096,\"num_blocks\":1048576",
            "\"driver_specific\":{\"lvol\":{\"lvol_store_uuid\":\""
                + store
                + "\",\"base_bdev\":\"A0\",\"thin_provision\":true,\"num_allocated_clusters\":0,"
                + "\"snapshot\":false,\"clone\":false,\"esnap_clone\":false}}");
    assertThat(call("bdev_lvol_delete", "{'name':'lvs0/nope'}"))
        .isEqualTo(error(-19, "No such device"));
    assertThat(call("bdev_lvol_delete", "{'name':'M0'}")).isEqualTo(error(-19, "No such device"));
    assertThat(call("bdev_lvol_delete", "{'name':'lvs0/v1'}")).isEqualTo("\"result\":true");
    assertThat(call("bdev_lvol_delete", "{'name':'" + thin + "'}")).isEqualTo("\"result\":true");
    assertThat(call("bdev_lvol_get_lvols", "")).isEqualTo("\"result\":[]");
  }

  private static String lvol(
      String store, String uuid, String name, boolean thin, int allocatedClusters) {
    return ("{\"alias\":\"lvs0/%s\",\"uuid\":\"%s\",\"name\":\"%s\",\"is_thin_provisioned\":%b,"
            + "\"is_snapshot\":false,\"is_clone\":false,\"is_esnap_clone\":false,"
            + "\"is_degraded\":false,\"num_allocated_clusters\":%d,"
            + "\"lvs\":{\"name\":\"lvs0\",\"uuid\":\"%s\"}}")
        .formatted(name, uuid, name, thin, allocatedClusters, store);
  }

  @Test
  void storeLeavesAndComesBackWithItsDisk() throws IOException {
    createStore();
    String v1 =
        result(call("bdev_lvol_create", "{'lvs_name':'lvs0','lvol_name':'v1','size_in_mib':5}"));
    String before = call("bdev_lvol_get_lvols", "");
    assertThat(call("bdev_aio_delete", "{'name':'A0'}")).isEqualTo("\"result\":true");
    assertThat(call("bdev_lvol_get_lvstores", "")).isEqualTo("\"result\":[]");
    createDisk();
    assertThat(call("bdev_wait_for_examine", "")).isEqualTo("\"result\":true");
    assertThat(call("bdev_lvol_get_lvols", "")).isEqualTo(before).contains(v1);
  }

  @Test
  void cleanStopLeavesACleanStore() throws IOException {
    createStore();
    assertThat(cleanFlag()).isZero();
    engine.close();
    assertThat(cleanFlag()).isEqualTo(1);
  }

  private int cleanFlag() throws IOException {
    try (FileChannel file = FileChannel.open(directory.resolve("a0.img"))) {
      ByteBuffer flag = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
      file.read(flag, 16);
      return flag.getInt(0);
    }
  }
}

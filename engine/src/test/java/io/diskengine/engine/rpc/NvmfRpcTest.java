package io.diskengine.engine.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.Engine;
import io.diskengine.engine.EngineOptions;
import io.diskengine.engine.reactor.ReactorOptions;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
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

/** The nvmf methods over a socket; the expected answers are what SPDK answered. */
class NvmfRpcTest {
  private static final String V1 = "nqn.2026-11.io.spdk:v1";
  private static final String UUID = "ba526a51-0bcd-4eba-a9a7-e8bb50ab6af2";
  private static final String HOST =
      "nqn.2014-08.org.nvmexpress:uuid:aaaaaaaa-0000-4000-8000-000000000001";
  private static final String TRUE = "\"result\":true";
  private static final String INVALID = error(-32602, "Invalid parameters");
  private static final String INTERNAL = error(-32603, "Internal error");

  private static final String TRANSPORT =
      ("{'trtype':'TCP','max_queue_depth':128,'max_io_qpairs_per_ctrlr':127,"
              + "'in_capsule_data_size':4096,'max_io_size':131072,'max_aq_depth':128,"
              + "'iobuf_small_cache_size':4294967295,'iobuf_large_cache_size':4294967295,"
              + "'dif_insert_or_strip':false,'zcopy':false,'c2h_success':true,'sock_priority':0,"
              + "'abort_timeout_sec':1,'ack_timeout':0,'data_wr_pool_size':0,"
              + "'disable_command_passthru':false,'kas':100,'min_kato':10000}")
          .replace('\'', '"');
  private static final String DISCOVERY =
      ("{'nqn':'nqn.2014-08.org.nvmexpress.discovery','subtype':'Discovery',"
              + "'listen_addresses':[],'allow_any_host':true,'hosts':[]}")
          .replace('\'', '"');

  @TempDir private Path directory;
  private Engine engine;
  private SocketChannel client;
  private int port;

  @SuppressWarnings("NullAway.Init") // start() sets the fields
  NvmfRpcTest() {}

  @BeforeEach
  void start() throws IOException {
    String socket = directory.resolve("rpc.sock").toString();
    engine = Engine.start(new EngineOptions(socket, directory, false, ReactorOptions.of(2)));
    client = SocketChannel.open(StandardProtocolFamily.UNIX);
    client.connect(UnixDomainSocketAddress.of(socket));
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    String params = "{'name':'%s','uuid':'%s','num_blocks':65536,'block_size':512}";
    call("bdev_null_create", params.formatted("N0", UUID));
    call("bdev_null_create", params.formatted("M0", "11111111-2222-4333-8444-555555555555"));
  }

  @AfterEach
  void stop() throws IOException {
    client.close();
    engine.close();
  }

  /** Everything of the answer but version and id; quotes of {@code params} may be single. */
  private String call(String method, String params) throws IOException {
    String request =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\"%s}"
            .formatted(method, params.isEmpty() ? "" : ",\"params\":" + params.replace('\'', '"'));
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
    String head = "{\"jsonrpc\":\"2.0\",\"id\":1,";
    String text = answer.toString(StandardCharsets.UTF_8).strip();
    assertThat(text).startsWith(head);
    return text.substring(head.length(), text.length() - 1);
  }

  private static String error(int code, String message) {
    return "\"error\":{\"code\":" + code + ",\"message\":\"" + message + "\"}";
  }

  private static String result(String json) {
    return "\"result\":" + json.replace('\'', '"');
  }

  private String create(String rest) throws IOException {
    return call("nvmf_create_subsystem", "{'nqn':'%s'%s}".formatted(V1, rest));
  }

  private String addNs(String namespace) throws IOException {
    return call("nvmf_subsystem_add_ns", "{'nqn':'%s','namespace':%s}".formatted(V1, namespace));
  }

  private String address(String ip, int tcpPort) {
    return "{'trtype':'TCP','adrfam':'IPv4','traddr':'%s','trsvcid':'%d'}".formatted(ip, tcpPort);
  }

  private String listener(String verb, String nqn, String address) throws IOException {
    return call(
        "nvmf_subsystem_" + verb + "_listener",
        "{'nqn':'%s','listen_address':%s}".formatted(nqn, address));
  }

  private String host(String verb) throws IOException {
    return call("nvmf_subsystem_" + verb + "_host", "{'nqn':'%s','host':'%s'}".formatted(V1, HOST));
  }

  private String view(String what) throws IOException {
    return call("nvmf_subsystem_get_" + what, "{'nqn':'%s'}".formatted(V1));
  }

  @Test
  void transportIsMadeOnceAndShownWithItsDefaults() throws IOException {
    assertThat(call("nvmf_get_transports", "")).isEqualTo("\"result\":[]");
    assertThat(create(",'allow_any_host':true")).isEqualTo(TRUE);
    assertThat(listener("add", V1, address("127.0.0.1", port))).isEqualTo(INVALID);
    assertThat(call("nvmf_create_transport", "{'trtype':'FOO'}"))
        .isEqualTo(error(-32602, "Invalid transport type 'FOO'"));
    assertThat(call("nvmf_create_transport", "{'trtype':'RDMA'}"))
        .isEqualTo(error(-32603, "Failed to create transport."));
    assertThat(call("nvmf_get_transports", "{'trtype':'TCP'}"))
        .isEqualTo(error(-19, "No such device"));
    assertThat(call("nvmf_create_transport", "{'trtype':'TCP'}")).isEqualTo(TRUE);
    assertThat(call("nvmf_create_transport", "{'trtype':'TCP'}"))
        .isEqualTo(error(-32603, "Transport type 'TCP' already exists"));
    assertThat(call("nvmf_get_transports", "")).isEqualTo("\"result\":[" + TRANSPORT + "]");
    assertThat(call("nvmf_get_transports", "{'trtype':'tcp'}"))
        .isEqualTo("\"result\":[" + TRANSPORT + "]");
    assertThat(call("nvmf_set_max_subsystems", "{'max_subsystems':5}"))
        .startsWith("\"error\":{\"code\":-1,\"message\":\"Method may only be called before");
  }

  @Test
  void subsystemsAreRefusedAsBySpdk() throws IOException {
    assertThat(create("")).isEqualTo(TRUE);
    assertThat(create("")).isEqualTo(error(-32603, "Unable to create subsystem " + V1));
    assertThat(call("nvmf_create_subsystem", "{'nqn':'bad'}"))
        .isEqualTo(error(-32603, "Unable to create subsystem bad"));
    String x = "nqn.2026-11.io.spdk:x";
    assertThat(
            call(
                "nvmf_create_subsystem",
                "{'nqn':'%s','serial_number':'%s'}".formatted(x, "x".repeat(30))))
        .isEqualTo(INVALID);
    assertThat(
            call(
                "nvmf_create_subsystem",
                "{'nqn':'%s','min_cntlid':10,'max_cntlid':5}".formatted(x)))
        .isEqualTo(error(-32602, "Invalid cntlid range [10-5]"));
    assertThat(call("nvmf_get_subsystems", "{'nqn':'nqn.x:y'}"))
        .isEqualTo(error(-32602, "Subsystem with NQN 'nqn.x:y' not found"));
    String one = "{'nqn':'%s'}".formatted(V1);
    assertThat(call("nvmf_delete_subsystem", one)).isEqualTo(TRUE);
    assertThat(call("nvmf_delete_subsystem", one))
        .isEqualTo(error(-32602, "Subsystem with NQN '" + V1 + "' not found"));
    assertThat(call("nvmf_create_subsystem", "{'nqn':1}")).isEqualTo(INVALID);
  }

  @Test
  void namespacesListenersAndHostsShowInGetSubsystems() throws IOException {
    call("nvmf_create_transport", "{'trtype':'TCP'}");
    String two = V1 + ":two";
    create(",'allow_any_host':true,'serial_number':'SPDK001','model_number':'M'");
    call("nvmf_create_subsystem", "{'nqn':'%s'}".formatted(two));
    assertThat(addNs("{'bdev_name':'N0'}")).isEqualTo("\"result\":1");
    assertThat(addNs("{'bdev_name':'N0'}")).isEqualTo(INVALID);
    assertThat(addNs("{'bdev_name':'M0','nsid':1}")).isEqualTo(INVALID);
    assertThat(addNs("{'bdev_name':'M0','nsid':33}")).isEqualTo(INVALID);
    assertThat(addNs("{'bdev_name':'nope'}")).isEqualTo(INVALID);
    assertThat(
            call(
                "nvmf_subsystem_add_ns",
                "{'nqn':'%sx','namespace':{'bdev_name':'M0'}}".formatted(V1)))
        .isEqualTo(error(-32602, "Subsystem with NQN '" + V1 + "x' not found"));
    assertThat(
            addNs(
                "{'bdev_name':'M0','nsid':5,'nguid':'00112233445566778899AABBCCDDEEFF',"
                    + "'uuid':'22222222-2222-4333-8444-555555555555'}"))
        .isEqualTo("\"result\":5");
    String here = address("127.0.0.1", port);
    assertThat(listener("add", V1, here)).isEqualTo(TRUE);
    assertThat(listener("add", V1, here)).isEqualTo(INVALID);
    assertThat(listener("add", two, here)).isEqualTo(TRUE);
    assertThat(listener("add", V1, address("10.99.99.99", port))).isEqualTo(INVALID);
    assertThat(listener("add", V1, address("localhost", port))).isEqualTo(INVALID);
    assertThat(call("nvmf_get_subsystems", "")).isEqualTo(subsystems(here, two));
    assertThat(view("listeners")).isEqualTo(result("[{'address':" + here + "}]"));
    assertThat(view("controllers")).isEqualTo("\"result\":[]");
    assertThat(view("qpairs")).isEqualTo("\"result\":[]");

    assertThat(host("add")).isEqualTo(TRUE);
    assertThat(host("add")).isEqualTo(INTERNAL);
    assertThat(host("remove")).isEqualTo(TRUE);
    assertThat(host("remove")).isEqualTo(INTERNAL);
    String ns5 = "{'nqn':'%s','nsid':5}".formatted(V1);
    assertThat(call("nvmf_subsystem_remove_ns", ns5)).isEqualTo(TRUE);
    assertThat(call("nvmf_subsystem_remove_ns", ns5)).isEqualTo(INVALID);
    assertThat(listener("remove", V1, address("127.0.0.1", 1))).isEqualTo(INVALID);
    assertThat(listener("remove", V1, here)).isEqualTo(TRUE);
    assertThat(view("listeners")).isEqualTo("\"result\":[]");
    assertThat(call("bdev_null_delete", "{'name':'N0'}")).isEqualTo(TRUE);
    assertThat(call("nvmf_get_subsystems", "{'nqn':'%s'}".formatted(V1)))
        .contains("\"namespaces\":[]");
  }

  private static String subsystems(String here, String two) {
    String rest =
        "'max_namespaces':32,'passthrough':false,'min_cntlid':1,'max_cntlid':65519,"
            + "'dmrsl':2097152,'wzsl':12,";
    String first =
        "{'nqn':'%s','subtype':'NVMe','listen_addresses':[%s],'allow_any_host':true,'hosts':[],"
            + "'serial_number':'SPDK001','model_number':'M',%s'namespaces':["
            + "{'nsid':1,'bdev_name':'N0','name':'N0','nguid':'BA526A510BCD4EBAA9A7E8BB50AB6AF2',"
            + "'uuid':'%s'},"
            + "{'nsid':5,'bdev_name':'M0','name':'M0','nguid':'00112233445566778899AABBCCDDEEFF',"
            + "'uuid':'22222222-2222-4333-8444-555555555555'}]}";
    String second =
        "{'nqn':'%s','subtype':'NVMe','listen_addresses':[%s],'allow_any_host':false,'hosts':[],"
            + "'serial_number':'00000000000000000000','model_number':'SPDK bdev Controller',%s"
            + "'namespaces':[]}";
    return result(
        "["
            + DISCOVERY
            + ","
            + first.formatted(V1, here, rest, UUID)
            + ","
            + second.formatted(two, here, rest)
            + "]");
  }

  @Test
  void anaStatesBelongToSubsystemsThatReportThem() throws IOException {
    call("nvmf_create_transport", "{'trtype':'TCP'}");
    create("");
    String here = address("127.0.0.1", port);
    listener("add", V1, here);
    String state = "{'nqn':'%s','listen_address':%s,'ana_state':'inaccessible'}";
    assertThat(call("nvmf_subsystem_listener_set_ana_state", state.formatted(V1, here)))
        .isEqualTo(error(-32603, "error setting ANA state: -22"));
    String ana = V1 + ":ana";
    call(
        "nvmf_create_subsystem",
        "{'nqn':'%s','ana_reporting':true,'max_namespaces':2}".formatted(ana));
    call(
        "nvmf_subsystem_add_listener",
        "{'nqn':'%s','listen_address':%s,'ana_state':'non_optimized'}".formatted(ana, here));
    assertThat(call("nvmf_subsystem_listener_set_ana_state", state.formatted(ana, here)))
        .isEqualTo(TRUE);
    assertThat(call("nvmf_subsystem_get_listeners", "{'nqn':'%s'}".formatted(ana)))
        .isEqualTo(
            result(
                "[{'address':"
                    + here
                    + ",'ana_states':[{'ana_group':1,'ana_state':'inaccessible'},"
                    + "{'ana_group':2,'ana_state':'inaccessible'}]}]"));
  }

  @Test
  void savedConfigurationMakesTheSameAgain() throws IOException {
    call("nvmf_create_transport", "{'trtype':'TCP'}");
    create("");
    host("add");
    addNs("{'bdev_name':'N0'}");
    listener("add", V1, address("127.0.0.1", port));
    assertThat(call("framework_get_config", "{'name':'nvmf'}"))
        .isEqualTo(
            result(
                "[{'method':'nvmf_set_max_subsystems','params':{'max_subsystems':1024}},"
                    + "{'method':'nvmf_create_transport','params':"
                    + TRANSPORT
                    + "},{'method':'nvmf_create_subsystem','params':{'nqn':'"
                    + V1
                    + "','allow_any_host':false,'serial_number':'00000000000000000000',"
                    + "'model_number':'SPDK bdev Controller','max_namespaces':32,'min_cntlid':1,"
                    + "'max_cntlid':65519,'ana_reporting':false,'dmrsl':2097152,'wzsl':12,"
                    + "'passthrough':false,'enable_nssr':false}},"
                    + "{'method':'nvmf_subsystem_add_host','params':{'nqn':'"
                    + V1
                    + "','host':'"
                    + HOST
                    + "'}},{'method':'nvmf_subsystem_add_ns','params':{'nqn':'"
                    + V1
                    + "','namespace':{'nsid':1,'bdev_name':'N0',"
                    + "'nguid':'BA526A510BCD4EBAA9A7E8BB50AB6AF2','uuid':'"
                    + UUID
                    + "','no_auto_visible':false}}},"
                    + "{'method':'nvmf_subsystem_add_listener','params':{'nqn':'"
                    + V1
                    + "','listen_address':"
                    + address("127.0.0.1", port)
                    + ",'secure_channel':false}}]"));
  }
}

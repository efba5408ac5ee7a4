package io.diskengine.engine.rpc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.diskengine.engine.Engine;
import io.diskengine.engine.EngineOptions;
import io.diskengine.engine.reactor.Kernels;
import io.diskengine.engine.reactor.ReactorOptions;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The bdev_nvme methods over sockets of two engines on real kernels, one of which exports what the
 * other attaches; the expected answers are what SPDK answered.
 */
class NvmeRpcTest {
  private static final String NQN = "nqn.2026-11.io.spdk:v1";
  private static final String UUID1 = "3d647b69-1fbb-4ac5-a176-4ddbbb3ff451";
  private static final String UUID2 = "c27dd5a2-8b03-4efe-88fa-3c5aadd2ed51";

  @TempDir private Path directory;
  private final List<Engine> engines = new ArrayList<>();
  private final List<Peer> peers = new ArrayList<>();
  private int port;

  @AfterEach
  void stop() throws IOException {
    for (Peer peer : peers) {
      peer.channel.close();
    }
    engines.reversed().forEach(Engine::close);
  }

  /** A raw connection to an engine's RPC socket. */
  private static final class Peer {
    private final SocketChannel channel;
    private final ByteBuffer in = ByteBuffer.allocate(1 << 20);

    Peer(SocketChannel channel) {
      this.channel = channel;
    }

    void send(int id, String method, String params) throws IOException {
      String request =
          "{'jsonrpc':'2.0','id':%d,'method':'%s'%s}"
              .formatted(id, method, params.isEmpty() ? "" : ",'params':" + params)
              .replace('\'', '"');
      channel.write(ByteBuffer.wrap(request.getBytes(StandardCharsets.UTF_8)));
    }

    String receive() throws IOException {
      StringBuilder line = new StringBuilder();
      while (true) {
        in.flip();
        while (in.hasRemaining()) {
          char c = (char) in.get();
          if (c == '\n') {
            in.compact();
            return line.toString();
          }
          line.append(c);
        }
        in.clear();
        if (channel.read(in) < 0) {
          throw new IOException("the engine closed the connection");
        }
      }
    }

    /** Everything of the answer but version and id. */
    String call(String method, String params) throws IOException {
      send(1, method, params);
      String text = receive();
      String head = "{\"jsonrpc\":\"2.0\",\"id\":1,";
      assertTrue(text.startsWith(head), text);
      return text.substring(head.length(), text.length() - 1);
    }
  }

  private Peer start(String name, Kernels.Choice kernel) throws IOException {
    String socket = directory.resolve(name + ".sock").toString();
    ReactorOptions options = new ReactorOptions(2, 20_000, 512, 128, kernel, 2);
    engines.add(Engine.start(new EngineOptions(socket, directory.resolve(name), false, options)));
    SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    channel.connect(UnixDomainSocketAddress.of(socket));
    Peer peer = new Peer(channel);
    peers.add(peer);
    return peer;
  }

  private static String ok(String result) {
    return "\"result\":" + result.replace('\'', '"');
  }

  private static String error(int code, String message) {
    return "\"error\":{\"code\":" + code + ",\"message\":\"" + message + "\"}";
  }

  /** A storage engine that exports malloc disks {@code M1..} as {@link #NQN} and followers. */
  private Peer storage(Kernels.Choice kernel, String... uuids) throws IOException {
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    Peer peer = start("storage", kernel);
    assertEquals(ok("true"), peer.call("nvmf_create_transport", "{'trtype':'TCP'}"));
    for (int i = 0; i < uuids.length; i++) {
      String nqn = nqn(i);
      peer.call(
          "bdev_malloc_create",
          "{'name':'M%d','num_blocks':16384,'block_size':512,'uuid':'%s'}".formatted(i, uuids[i]));
      assertEquals(
          ok("true"),
          peer.call(
              "nvmf_create_subsystem",
              "{'nqn':'%s','serial_number':'SPDK001','model_number':'M','allow_any_host':true}"
                  .formatted(nqn)));
      assertEquals(
          ok("1"),
          peer.call(
              "nvmf_subsystem_add_ns",
              "{'nqn':'%s','namespace':{'bdev_name':'M%d','uuid':'%s'}}"
                  .formatted(nqn, i, uuids[i])));
      assertEquals(
          ok("true"),
          peer.call(
              "nvmf_subsystem_add_listener",
              "{'nqn':'%s','listen_address':%s}".formatted(nqn, trid())));
    }
    return peer;
  }

  private static String nqn(int index) {
    return index == 0 ? NQN : NQN + "x" + index;
  }

  private String trid() {
    return "{'trtype':'TCP','adrfam':'IPv4','traddr':'127.0.0.1','trsvcid':'%d'}".formatted(port);
  }

  private String attach(String name, String nqn, String more) {
    return "{'name':'%s','trtype':'TCP','adrfam':'IPv4','traddr':'127.0.0.1','trsvcid':'%d','subnqn':'%s'%s}"
        .formatted(name, port, nqn, more);
  }

  @Test
  void attachShowsAnswersAndDetachesAsSpdkDoes() throws IOException {
    storage(Kernels.Choice.fromSystemProperty(), UUID1);
    Peer host = start("host", Kernels.Choice.fromSystemProperty());
    String method = "bdev_nvme_attach_controller";
    assertEquals(ok("[]"), host.call("bdev_nvme_get_controllers", ""));
    assertEquals(ok("true"), host.call("bdev_nvme_set_options", "{'bdev_retry_count':3}"));
    assertEquals(
        ok("['n1n1']"),
        host.call(method, attach("n1", NQN, ",'hostnqn':'nqn.2026-11.io.spdk:h1'")));
    String host1 = ",'hostnqn':'nqn.2026-11.io.spdk:h1'";
    assertEquals(
        error(-114, "A controller named n1 already exists with the specified network path"),
        host.call(method, attach("n1", NQN, host1)));
    assertEquals(
        error(-114, "A controller named n1 already exists and multipath is disabled"),
        host.call(method, attach("n1", NQN, host1 + ",'multipath':'disable'")));
    assertEquals(error(-17, "File exists"), host.call(method, attach("n1b", NQN, host1)));
    assertEquals(
        error(-5, "Input/output error"), host.call(method, attach("n9", NQN + ":no", host1)));
    assertEquals(
        error(-22, "psk is not supported"),
        host.call(method, attach("n9", NQN + ":no", ",'psk':'k'")));
    assertEquals(
        error(-1, "RPC not permitted with nvme controllers already attached"),
        host.call("bdev_nvme_set_options", "{'bdev_retry_count':3}"));
    assertEquals(
        ok(
            "[{'name':'n1','ctrlrs':[{'state':'enabled','trid':{'trtype':'TCP','adrfam':'IPv4',"
                + "'traddr':'127.0.0.1','trsvcid':'"
                + port
                + "','subnqn':'"
                + NQN
                + "'},'cntlid':1,'host':{'nqn':'nqn.2026-11.io.spdk:h1','addr':'','svcid':'',"
                + "'no_shn_notification':false}}]}]"),
        host.call("bdev_nvme_get_controllers", ""));
    assertEquals(
        error(-22, "Controller nope does not exist"),
        host.call("bdev_nvme_get_controllers", "{'name':'nope'}"));
    String bdev = host.call("bdev_get_bdevs", "{'name':'n1n1'}");
    assertTrue(bdev.contains("\"uuid\":\"" + UUID1 + "\""), bdev);
    assertTrue(
        bdev.contains("\"serial_number\":\"SPDK001\"") && bdev.contains("\"mp_policy\""), bdev);
    assertEquals(ok("{'poll_groups':[]}"), host.call("bdev_nvme_get_io_paths", "{'name':'n1n1'}"));
    String health = host.call("bdev_nvme_get_controller_health_info", "{'name':'n1'}");
    assertTrue(health.contains("\"model_number\":\"M\""), health);
    assertTrue(health.contains("\"num_err_log_entries\":0"), health);
    assertEquals(ok("true"), host.call("bdev_nvme_reset_controller", "{'name':'n1'}"));
    assertEquals(
        error(-19, "No such device"), host.call("bdev_nvme_reset_controller", "{'name':'nope'}"));
    assertEquals(ok("true"), host.call("bdev_nvme_disable_controller", "{'name':'n1'}"));
    assertEquals(ok("true"), host.call("bdev_nvme_enable_controller", "{'name':'n1'}"));
    assertEquals(ok("true"), host.call("bdev_nvme_detach_controller", "{'name':'n1'}"));
    assertEquals(
        error(-19, "No such device"), host.call("bdev_nvme_detach_controller", "{'name':'n1'}"));
    assertEquals(ok("[]"), host.call("bdev_nvme_get_controllers", ""));
  }

  @Test
  void raidOverTwoAttachedLegsSurvivesALegThatIsDisabledAndDetached() throws Exception {
    storage(Kernels.Choice.EPOLL, UUID1, UUID2);
    Peer host = start("host", Kernels.Choice.EPOLL);
    String method = "bdev_nvme_attach_controller";
    String timers =
        ",'ctrlr_loss_timeout_sec':-1,'reconnect_delay_sec':1,'fast_io_fail_timeout_sec':0";
    assertEquals(ok("['l1n1']"), host.call(method, attach("l1", nqn(0), timers)));
    assertEquals(ok("['l2n1']"), host.call(method, attach("l2", nqn(1), timers)));
    assertEquals(
        ok("true"),
        host.call(
            "bdev_raid_create",
            "{'name':'r0','raid_level':'raid1','base_bdevs':['l1n1','l2n1'],'superblock':true}"));
    awaitRaid(host, "\"num_base_bdevs_operational\":2");
    assertEquals(ok("true"), host.call("bdev_nvme_detach_controller", "{'name':'l2'}"));
    awaitRaid(host, "\"num_base_bdevs_operational\":1");
    assertEquals(ok("['l2n1']"), host.call(method, attach("l2", nqn(1), timers)));
  }

  private static void awaitRaid(Peer host, String expected) throws Exception {
    String raid = "";
    for (int i = 0; i < 500; i++) {
      raid = host.call("bdev_raid_get_bdevs", "{'category':'all'}");
      if (raid.contains(expected)) {
        return;
      }
      Thread.sleep(10);
    }
    assertTrue(raid.contains(expected), raid);
  }

  @Test
  void fiftyControllersAttachedAndDetachedPipelined() throws IOException {
    int count = 50;
    String[] uuids = new String[count];
    for (int i = 0; i < count; i++) {
      uuids[i] = "3d647b69-1fbb-4ac5-a176-4ddbbb3f%04x".formatted(i);
    }
    storage(Kernels.Choice.fromSystemProperty(), uuids);
    Peer host = start("host", Kernels.Choice.fromSystemProperty());
    long start = System.nanoTime();
    for (int i = 0; i < count; i++) {
      host.send(i, "bdev_nvme_attach_controller", attach("n" + i, nqn(i), ""));
    }
    for (int i = 0; i < count; i++) {
      String answer = host.receive();
      assertTrue(answer.contains("\"result\":[\"n"), answer);
    }
    long attachedNs = System.nanoTime();
    for (int i = 0; i < count; i++) {
      host.send(i, "bdev_nvme_detach_controller", "{'name':'n%d'}".formatted(i));
    }
    for (int i = 0; i < count; i++) {
      String answer = host.receive();
      assertTrue(answer.contains("\"result\":true"), answer);
    }
    System.out.printf(
        "%d controllers: attached in %d ms, detached in %d ms%n",
        count, (attachedNs - start) / 1_000_000, (System.nanoTime() - attachedNs) / 1_000_000);
  }
}

package io.diskengine.testkit.guest;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.Engine;
import io.diskengine.engine.EngineOptions;
import io.diskengine.engine.reactor.ReactorOptions;
import io.diskengine.spdkrpc.RpcRequest;
import io.diskengine.spdkrpc.RpcResult;
import io.diskengine.spdkrpc.SpdkRpcClient;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Linux's own NVMe/TCP host in a guest against the engine's target. */
@Tag("guest")
@Timeout(240)
class GuestNvmfTest {
  private static final String NQN = "nqn.2026-11.io.diskengine:guest:v1";
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final Duration SHORT = Duration.ofSeconds(90);
  private static final int BLOCK = 4096;

  @TempDir Path folder;
  private Engine engine;
  private SpdkRpcClient rpc;
  private Path file;
  private int port;

  @BeforeEach
  void export() throws IOException {
    file = folder.resolve("disk.raw");
    try (RandomAccessFile disk = new RandomAccessFile(file.toFile(), "rw")) {
      disk.setLength(256L << 20);
    }
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    String socket = folder.resolve("rpc.sock").toString();
    engine = Engine.start(new EngineOptions(socket, folder, false, ReactorOptions.of(2)));
    rpc = SpdkRpcClient.connect(socket);
    call(
        "bdev_aio_create",
        "{'name':'A0','filename':'%s','block_size':512,'fallocate':true}".formatted(file));
    call("nvmf_create_transport", "{'trtype':'TCP'}");
    call("nvmf_create_subsystem", "{'nqn':'%s','serial_number':'GUEST1'}".formatted(NQN));
    call("nvmf_subsystem_add_ns", "{'nqn':'%s','namespace':{'bdev_name':'A0'}}".formatted(NQN));
    call(
        "nvmf_subsystem_add_listener",
        ("{'nqn':'%s','listen_address':{'trtype':'TCP','adrfam':'IPv4','traddr':'127.0.0.1',"
                + "'trsvcid':'%d'}}")
            .formatted(NQN, port));
  }

  @AfterEach
  void stop() {
    rpc.close();
    engine.close();
  }

  private JsonNode call(String method, String params) {
    return rpc.call(RpcRequest.raw(method, JSON.readTree(params.replace('\'', '"')))).orElseThrow();
  }

  private void host(String method, String hostNqn) {
    call(method, "{'nqn':'%s','host':'%s'}".formatted(NQN, hostNqn));
  }

  private String connect(String options) {
    return "nvme connect -t tcp -a 10.0.2.2 -s %d -n %s %s".formatted(port, NQN, options);
  }

  private static final String WAIT_FOR_DISK =
      " && for i in $(seq 100); do [ -b /dev/nvme0n1 ] && exit 0; sleep 0.05; done; exit 1";

  @Test
  void linuxHostDiscoversConnectsAndKeepsAFilesystem() {
    GuestSpec spec = GuestSpec.named("nvmf");
    try (GuestVm guest = GuestVm.boot(spec)) {
      guest.run("modprobe nvme-tcp").ok();
      String discover = "nvme discover -t tcp -a 10.0.2.2 -s " + port;
      assertThat(guest.run(discover).output()).doesNotContain(NQN);
      CommandResult refused = guest.run(connect(""));
      assertThat(refused.exitCode()).as(refused.output()).isNotZero();

      host("nvmf_subsystem_add_host", spec.hostNqn());
      assertThat(guest.run(discover).ok().output()).contains(NQN).contains(Integer.toString(port));
      guest.run(connect("") + WAIT_FOR_DISK).ok();
      assertThat(guest.run("nvme list; nvme id-ctrl /dev/nvme0; nvme id-ns /dev/nvme0n1").output())
          .contains("GUEST1");
      guest.run("nvme smart-log /dev/nvme0 && nvme effects-log /dev/nvme0").ok();
      guest
          .run(
              "mkfs.ext4 -q /dev/nvme0n1 && mount -o discard /dev/nvme0n1 /mnt"
                  + " && dd if=/dev/urandom of=/mnt/f bs=1M count=20 && sync"
                  + " && sha256sum /mnt/f > /mnt/sum && umount /mnt && mount /dev/nvme0n1 /mnt"
                  + " && sha256sum -c /mnt/sum && fstrim /mnt && umount /mnt")
          .ok();
      FioResult fio =
          guest.fio(
              SHORT,
              "--filename=/dev/nvme0n1 --rw=randrw --bsrange=4k-256k --iodepth=16 --size=32M"
                  + " --verify=crc32c");
      assertThat(fio.clean()).as(fio.toString()).isTrue();
      System.out.println(fio);
      assertThat(
              guest
                  .run("blkdiscard -z -l 1M /dev/nvme0n1 && cmp -n 1048576 /dev/zero /dev/nvme0n1")
                  .exitCode())
          .isZero();
      assertThat(guest.run("dmesg").ok().output()).doesNotContain("I/O Error");
      guest.run("nvme disconnect -n " + NQN).ok();
      assertThat(call("nvmf_subsystem_get_controllers", "{'nqn':'%s'}".formatted(NQN))).isEmpty();

      guest.run(connect("--hdr-digest --data-digest --nr-io-queues=2") + WAIT_FOR_DISK).ok();
      FioResult digests =
          guest.fio(
              SHORT,
              "--filename=/dev/nvme0n1 --rw=randrw --bsrange=4k-128k --iodepth=8 --size=8M"
                  + " --verify=crc32c");
      assertThat(digests.clean()).as(digests.toString()).isTrue();
      System.out.println(guest.run("dmesg | grep -i nvme").output());
      guest.run("nvme disconnect -n " + NQN).ok();
    }
  }

  @Test
  void removedHostIsCutOffWhileWritingAndEveryAcknowledgedWriteIsOnDisk() throws Exception {
    GuestSpec spec = GuestSpec.named("fenced");
    host("nvmf_subsystem_add_host", spec.hostNqn());
    try (GuestVm guest = GuestVm.boot(spec)) {
      guest.run("modprobe nvme-tcp").ok();
      guest.run(connect("--ctrl-loss-tmo=4 --reconnect-delay=1") + WAIT_FOR_DISK).ok();
      // Four writers; each says which block it has written once that is acknowledged.
      GuestJob writers =
          guest.start(
              """
              for w in 0 1 2 3; do
                ( i=$w; while [ $i -lt 40000 ]; do
                    printf 'block %08d' $i > /run/b$w; truncate -s 4096 /run/b$w
                    dd if=/run/b$w of=/dev/nvme0n1 bs=4096 seek=$i count=1 oflag=direct \
                      conv=notrunc 2>/dev/null || break
                    echo $i >> /run/acked$w; i=$((i+4))
                  done ) &
              done; wait
              """);
      Thread.sleep(3000);
      long startNs = System.nanoTime();
      host("nvmf_subsystem_remove_host", spec.hostNqn());
      System.out.println(
          "remove_host answered after " + (System.nanoTime() - startNs) / 1000 + " us");
      byte[] then = Files.readAllBytes(file);
      assertThat(call("nvmf_subsystem_get_controllers", "{'nqn':'%s'}".formatted(NQN))).isEmpty();
      List<String> acked = guest.run("cat /run/acked*").ok().output().lines().toList();
      Thread.sleep(1500);
      assertThat(Files.readAllBytes(file)).isEqualTo(then);
      writers.await(SHORT);
      List<String> ackedAtTheEnd = guest.run("cat /run/acked*").ok().output().lines().toList();
      assertThat(ackedAtTheEnd).hasSameSizeAs(acked).hasSizeGreaterThan(20);
      for (String block : ackedAtTheEnd) {
        int number = Integer.parseInt(block);
        assertThat(new String(then, number * BLOCK, 14, StandardCharsets.US_ASCII))
            .isEqualTo("block %08d".formatted(number));
      }
      CommandResult again = guest.run(connect(""));
      assertThat(again.exitCode()).as(again.output()).isNotZero();
      RpcResult<JsonNode> twice =
          rpc.call(
              RpcRequest.raw(
                  "nvmf_subsystem_remove_host",
                  JSON.readTree(
                      "{\"nqn\":\"%s\",\"host\":\"%s\"}".formatted(NQN, spec.hostNqn()))));
      assertThat(twice).isInstanceOf(RpcResult.Rejected.class);
    }
  }
}

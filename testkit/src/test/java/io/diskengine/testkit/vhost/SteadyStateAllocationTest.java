package io.diskengine.testkit.vhost;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.Engine;
import io.diskengine.engine.EngineOptions;
import io.diskengine.engine.reactor.ReactorOptions;
import io.diskengine.nvme.NativeMemory;
import io.diskengine.spdkrpc.RpcRequest;
import io.diskengine.spdkrpc.SpdkRpcClient;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What the reactors allocate while a guest writes and reads, all the way down: vhost, raid1,
 * NVMe/TCP host and target, lvol, aio, files.
 */
class SteadyStateAllocationTest {
  private static final JsonMapper JSON = new JsonMapper();
  private static final int BLOCK = 4096;
  private static final int BLOCKS = 8 << 20 >> 12;
  private static final int DEPTH = 32;
  private static final int WARM_UP = 200_000;
  private static final int MEASURED = 1_000_000;

  /** Timers of the control path (keep-alive, probes) allocate now and then, whatever the load. */
  private static final double MOST_BYTES_PER_IO = 0.5;

  @TempDir private Path directory;

  private static JsonNode call(SpdkRpcClient spdk, String method, String params) {
    JsonNode json = params.isEmpty() ? null : JSON.readTree(params.replace('\'', '"'));
    return spdk.call(RpcRequest.raw(method, json)).orElseThrow();
  }

  private Engine engine(String name) throws IOException {
    String socket = directory.resolve(name).toString();
    return Engine.start(new EngineOptions(socket, directory, false, ReactorOptions.of(1)));
  }

  private static int freePort() throws IOException {
    try (ServerSocket probe = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return probe.getLocalPort();
    }
  }

  private static String nqn(int leg) {
    return "nqn.2026-11.io.diskengine:leg" + leg;
  }

  /** Two exported lvols on two files. */
  private void serve(SpdkRpcClient spdk, int port) throws IOException {
    call(spdk, "nvmf_create_transport", "{'trtype':'TCP'}");
    for (int leg = 0; leg < 2; leg++) {
      Path file = directory.resolve("disk" + leg);
      try (RandomAccessFile disk = new RandomAccessFile(file.toFile(), "rw")) {
        disk.setLength(64 << 20);
      }
      call(
          spdk,
          "bdev_aio_create",
          "{'name':'A%d','filename':'%s','block_size':4096}".formatted(leg, file));
      call(
          spdk,
          "bdev_lvol_create_lvstore",
          "{'bdev_name':'A%d','lvs_name':'s%d'}".formatted(leg, leg));
      call(
          spdk,
          "bdev_lvol_create",
          "{'lvs_name':'s%d','lvol_name':'v','size_in_mib':12}".formatted(leg));
      call(spdk, "nvmf_create_subsystem", "{'nqn':'%s','allow_any_host':true}".formatted(nqn(leg)));
      call(
          spdk,
          "nvmf_subsystem_add_ns",
          "{'nqn':'%s','namespace':{'bdev_name':'s%d/v'}}".formatted(nqn(leg), leg));
      call(
          spdk,
          "nvmf_subsystem_add_listener",
          ("{'nqn':'%s','listen_address':{'trtype':'TCP','adrfam':'IPv4','traddr':'127.0.0.1',"
                  + "'trsvcid':'%d'}}")
              .formatted(nqn(leg), port));
    }
  }

  private static void attach(SpdkRpcClient spdk, int port) {
    for (int leg = 0; leg < 2; leg++) {
      call(
          spdk,
          "bdev_nvme_attach_controller",
          ("{'name':'l%d','trtype':'TCP','adrfam':'IPv4','traddr':'127.0.0.1','trsvcid':'%d',"
                  + "'subnqn':'%s'}")
              .formatted(leg, port, nqn(leg)));
    }
    call(
        spdk,
        "bdev_raid_create",
        "{'name':'r','raid_level':'raid1','base_bdevs':['l0n1','l1n1'],'superblock':true}");
    call(spdk, "vhost_create_blk_controller", "{'ctrlr':'vh','dev_name':'r'}");
  }

  @Test
  @Timeout(400)
  void aMillionWritesAndReadsAllTheWayDownAllocateNothing() throws Exception {
    int port = freePort();
    try (Engine storage = engine("storage.sock");
        Engine baremetal = engine("baremetal.sock");
        SpdkRpcClient target = SpdkRpcClient.connect(directory.resolve("storage.sock").toString());
        SpdkRpcClient host =
            SpdkRpcClient.connect(directory.resolve("baremetal.sock").toString())) {
      serve(target, port);
      attach(host, port);
      try (VhostFrontend guest =
          VhostFrontend.connect(directory.resolve("vh"), 4 << 20).start(1, 128, 0)) {
        Load load = new Load(guest);
        load.run(WARM_UP);
        List<Long> reactors = reactorThreads();
        assertThat(reactors).hasSize(2);
        long before = allocatedBytes(reactors);
        load.run(MEASURED);
        long bytes = allocatedBytes(reactors) - before;
        System.out.printf(
            "%d bytes allocated by the reactors in %d I/Os from vhost to the files%n",
            bytes, MEASURED);
        assertThat((double) bytes / MEASURED).isLessThan(MOST_BYTES_PER_IO);
      }
    }
  }

  private static List<Long> reactorThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("reactor_"))
        .map(Thread::threadId)
        .toList();
  }

  private static long allocatedBytes(List<Long> threads) {
    var bean = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    return Arrays.stream(
            bean.getThreadAllocatedBytes(threads.stream().mapToLong(Long::longValue).toArray()))
        .sum();
  }

  /** A guest that keeps {@link #DEPTH} requests in its ring: every other one a write. */
  private static final class Load {
    private final VhostFrontend.Ring ring;
    private final VhostFrontend guest;
    private final long headers;
    private final long statuses;
    private int next;

    Load(VhostFrontend guest) {
      this.guest = guest;
      ring = guest.ring(0);
      headers = guest.allocateGuest(16L * DEPTH);
      statuses = guest.allocateGuest(DEPTH);
      for (int i = 0; i < DEPTH; i++) {
        boolean write = i % 2 == 0;
        long data = guest.allocateGuest(BLOCK);
        NativeMemory.putInt(guest.local(headers) + 16L * i, write ? 1 : 0);
        ring.desc(3 * i, headers + 16L * i, 16, 1, 3 * i + 1);
        ring.desc(3 * i + 1, data, BLOCK, 1 | (write ? 0 : 2), 3 * i + 2);
        ring.desc(3 * i + 2, statuses + i, 1, 2, 0);
      }
    }

    private void offer(int slot) {
      long sector = (long) (next++ * 7919 & BLOCKS - 1) * (BLOCK / 512);
      NativeMemory.putLong(guest.local(headers) + 16L * slot + 8, sector);
      ring.offer(3 * slot);
    }

    void run(int count) {
      for (int slot = 0; slot < DEPTH; slot++) {
        offer(slot);
      }
      ring.kick();
      for (int done = 0; done < count + DEPTH; done++) {
        Integer head = ring.await(30_000);
        assertThat(head).as("requests that were answered: %d", done).isNotNull();
        assertThat(NativeMemory.getByte(guest.local(statuses) + head / 3)).isZero();
        if (done < count) {
          offer(head / 3);
          ring.kick();
        }
      }
    }
  }
}

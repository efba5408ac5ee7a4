package io.diskengine.testkit.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diskengine.testkit.guest.GuestSpec.VhostDisk;
import io.diskengine.testkit.process.ChildProcess;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
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

/** The harness itself, with QEMU's own storage daemon as the disk's other end. */
@Tag("guest")
@Timeout(180)
class GuestVmTest {
  private static final Duration SHORT = Duration.ofSeconds(60);

  @TempDir Path folder;
  private ChildProcess storageDaemon;

  @BeforeEach
  void serveDisk() throws Exception {
    Path file = folder.resolve("disk.raw");
    try (RandomAccessFile disk = new RandomAccessFile(file.toFile(), "rw")) {
      disk.setLength(256L << 20);
    }
    storageDaemon =
        ChildProcess.start(
            "storage-daemon",
            List.of(
                "qemu-storage-daemon",
                "--blockdev",
                "driver=file,filename=" + file + ",node-name=file",
                "--export",
                "type=vhost-user-blk,id=disk,node-name=file,addr.type=unix,addr.path="
                    + socket()
                    + ",writable=on,num-queues=2"));
    for (int i = 0; i < 500 && !Files.exists(socket()); i++) {
      assertThat(storageDaemon.alive()).as(storageDaemon.output().toString()).isTrue();
      Thread.sleep(10);
    }
  }

  @AfterEach
  void endDisk() {
    storageDaemon.close();
  }

  private Path socket() {
    return folder.resolve("vhost");
  }

  @Test
  void guestWithoutADiskRunsCommandsBesideEachOther() throws Exception {
    GuestSpec spec = GuestSpec.named("plain");
    try (GuestVm guest = GuestVm.boot(spec);
        ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      System.out.println("guest booted in " + guest.bootTime());
      assertThat(guest.bootTime()).isLessThan(Duration.ofSeconds(60));

      GuestJob slow = guest.start("echo before; sleep 30; echo after");
      CommandResult failed = guest.run("echo to-out; echo to-err >&2; exit 7");
      assertThat(failed.exitCode()).isEqualTo(7);
      assertThat(failed.output()).contains("to-out").contains("to-err");
      assertThatThrownBy(failed::ok)
          .isInstanceOf(AssertionError.class)
          .hasMessageContaining("to-err");
      assertThat(slow.done()).isFalse();
      assertThat(slow.output()).isEqualTo("before\n");
      slow.signal("KILL");
      assertThat(slow.await(SHORT).exitCode()).isEqualTo(137);

      guest.write("/tmp/file", "some text\n".getBytes(StandardCharsets.UTF_8));
      assertThat(guest.run("cat /tmp/file").ok().output()).isEqualTo("some text\n");

      GuestJob client = guest.start("nc host " + server.getLocalPort());
      try (Socket peer = server.accept()) {
        peer.getOutputStream().write("from the host\n".getBytes(StandardCharsets.UTF_8));
      }
      assertThat(client.await(SHORT).output()).isEqualTo("from the host\n");
      assertThat(guest.run("cat /etc/nvme/hostnqn").ok().output().strip())
          .isEqualTo(spec.hostNqn());
    }
  }

  @Test
  void diskKeepsAFilesystemOverAPowerLossAndFioVerifiesIt() {
    try (GuestVm guest = GuestVm.boot(GuestSpec.named("writer").withDisk(socket()))) {
      guest
          .run("mkfs.ext4 -q /dev/vda && mount /dev/vda /mnt && echo kept > /mnt/file && sync")
          .ok();
      guest.kill();
      assertThatThrownBy(() -> guest.run("true")).isInstanceOf(AssertionError.class);
    }
    try (GuestVm guest = GuestVm.boot(GuestSpec.named("reader").withDisk(socket()))) {
      assertThat(guest.run("mount /dev/vda /mnt && cat /mnt/file").ok().output())
          .isEqualTo("kept\n");
      FioResult fio =
          guest.fio(
              SHORT,
              "--filename=/mnt/fio --rw=randwrite --bs=4k --iodepth=8 --size=4M --verify=crc32c");
      System.out.println(fio);
      assertThat(fio.clean()).as(fio.toString()).isTrue();
      assertThat(fio.ios()).isGreaterThanOrEqualTo(2 * 1024);
      assertThat(fio.maxLatencyNs()).isPositive();
      guest.poweroff();
      assertThat(guest.process().alive()).isFalse();
    }
  }

  @Test
  void pausedGuestShowsItsStallAsTheLongestIoAndWrongBytesAreVerifyFailures() throws Exception {
    try (GuestVm guest = GuestVm.boot(GuestSpec.named("stalled").withDisk(socket()))) {
      String io = "--filename=/dev/vda --bs=4k --iodepth=4 --size=4M --verify=crc32c ";
      GuestJob job = guest.startFio(io + "--rw=randwrite --time_based --runtime=6");
      Thread.sleep(3000);
      storageDaemon.signal("STOP");
      Thread.sleep(2000);
      storageDaemon.signal("CONT");
      FioResult stalled = job.awaitFio(SHORT);
      assertThat(stalled.clean()).as(stalled.toString()).isTrue();
      assertThat(stalled.maxLatencyNs()).isBetween(1_500_000_000L, 20_000_000_000L);

      guest.pause();
      assertThat(guest.qmp("query-status", "{}").path("running").asBoolean()).isFalse();
      guest.resume();

      assertThat(guest.fio(SHORT, io + "--rw=write").clean()).isTrue();
      guest.run("dd if=/dev/urandom of=/dev/vda bs=4k count=1 seek=10 oflag=direct").ok();
      FioResult wrong = guest.fio(SHORT, io + "--rw=read");
      assertThat(wrong.clean()).isFalse();
      assertThat(wrong.verifyFailures()).as(wrong.toString()).isPositive();
      assertThat(wrong.errors()).isPositive();
    }
  }

  @Test
  void guestServesItsKernelsNvmeTargetToItselfAndToTheHost() throws IOException {
    int port;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    try (GuestVm guest = GuestVm.boot(GuestSpec.named("target").withForward(port, 4420))) {
      guest
          .run(
              """
              set -e
              modprobe -a nvmet-tcp nvme-tcp; modprobe brd rd_nr=1 rd_size=65536
              mount -t configfs none /sys/kernel/config; cd /sys/kernel/config/nvmet
              mkdir -p subsystems/nqn.2026-11.test:ram ports/1
              cd subsystems/nqn.2026-11.test:ram
              echo 1 > attr_allow_any_host; mkdir namespaces/1
              echo -n /dev/ram0 > namespaces/1/device_path; echo 1 > namespaces/1/enable
              cd ../../ports/1
              echo tcp > addr_trtype; echo ipv4 > addr_adrfam; echo 0.0.0.0 > addr_traddr; echo 4420 > addr_trsvcid
              ln -s ../../subsystems/nqn.2026-11.test:ram subsystems/
              nvme connect -t tcp -a 127.0.0.1 -s 4420 -n nqn.2026-11.test:ram
              """)
          .ok();
      try (Socket outside = new Socket(InetAddress.getLoopbackAddress(), port)) {
        assertThat(outside.isConnected()).isTrue();
      }
      String write =
          "--filename=/dev/nvme0n1 --rw=randwrite --bs=4k --iodepth=4 --size=1M --verify=crc32c";
      FioResult fio = guest.fio(SHORT, write);
      assertThat(fio.clean()).as(fio.toString()).isTrue();
    }
  }

  @Test
  void diskIsPluggedIntoARunningGuestAndUnpluggedAgain() throws IOException {
    try (GuestVm guest = GuestVm.boot(GuestSpec.named("plugging"))) {
      String disk = guest.plug(new VhostDisk(socket(), 2));
      guest.run("for i in $(seq 200); do [ -b /dev/vda ] && exit 0; sleep 0.1; done; exit 1").ok();
      guest.unplug(disk);
      guest.run("! [ -b /dev/vda ]").ok();
    }
  }
}

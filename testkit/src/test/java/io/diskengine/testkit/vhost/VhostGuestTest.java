package io.diskengine.testkit.vhost;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.Engine;
import io.diskengine.engine.EngineOptions;
import io.diskengine.engine.reactor.ReactorOptions;
import io.diskengine.spdkrpc.BdevMethods;
import io.diskengine.spdkrpc.BdevMethods.CreateMalloc;
import io.diskengine.spdkrpc.SpdkRpcClient;
import io.diskengine.spdkrpc.VhostMethods;
import io.diskengine.spdkrpc.VhostMethods.CreateBlk;
import io.diskengine.testkit.guest.FioResult;
import io.diskengine.testkit.guest.GuestSpec;
import io.diskengine.testkit.guest.GuestVm;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Linux's virtio_blk driver on the engine's vhost-user-blk. */
@Tag("guest")
@Timeout(180)
class VhostGuestTest {
  @TempDir Path folder;

  @Test
  void guestUsesADeviceOfTheEngineAsItsDisk() throws Exception {
    String rpc = folder.resolve("spdk.sock").toString();
    EngineOptions options = new EngineOptions(rpc, folder, false, ReactorOptions.of(2));
    try (Engine engine = Engine.start(options);
        SpdkRpcClient spdk = SpdkRpcClient.connect(rpc)) {
      assertThat(engine).isNotNull();
      spdk.call(BdevMethods.createMalloc(new CreateMalloc("M0", 65536, 4096))).orElseThrow();
      spdk.call(VhostMethods.createBlk(new CreateBlk("vda", "M0"))).orElseThrow();
      try (GuestVm guest = GuestVm.boot(GuestSpec.named("vhost").withDisk(folder.resolve("vda")))) {
        assertThat(guest.run("cat /sys/block/vda/serial").ok().output().strip()).isEqualTo("M0");
        guest
            .run("mkfs.ext4 -q /dev/vda && mount /dev/vda /mnt && echo kept > /mnt/f && sync")
            .ok();
        FioResult fio =
            guest.fio(
                Duration.ofSeconds(60),
                "--filename=/mnt/fio --rw=randwrite --bs=4k --iodepth=16 --size=32M --verify=crc32c");
        System.out.println(fio);
        assertThat(fio.clean()).as(fio.toString()).isTrue();
        guest.run("blkdiscard -f -o 939524 -l 4096 /dev/vda; fstrim /mnt; umount /mnt").ok();
        guest.poweroff();
      }
    }
  }
}

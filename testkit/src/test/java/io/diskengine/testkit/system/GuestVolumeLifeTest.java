package io.diskengine.testkit.system;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.lvcheck.Report;
import io.diskengine.testkit.guest.GuestJob;
import io.diskengine.testkit.guest.GuestSpec;
import io.diskengine.testkit.guest.GuestVm;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A guest writes and verifies without a pause while its volume (a mirror of two thin lvols on two
 * storage engines) is snapshotted, cloned, loses a leg, gets another one that is rebuilt, and
 * grows. In the end every byte of the guest's disk is the same for the guest and on both legs, and
 * the snapshots are what they were.
 */
@Tag("guest")
@Timeout(240)
class GuestVolumeLifeTest {
  private static final long MIB = 1 << 20;
  private static final long LEG_MIB = 128;
  private static final long GROWN_LEG_MIB = 192;

  /** The mirror's superblock and write-intent map take the first MiB of a leg. */
  private static final long DATA_OFFSET = MIB;

  private static final int KEPT_FILES = 8;
  private static final String DROP_CACHES = "echo 3 > /proc/sys/vm/drop_caches";
  private static final Duration LIMIT = Duration.ofSeconds(90);

  @TempDir Path folder;

  private DataNode first;
  private DataNode second;
  private DataNode host;
  private String snapshotDigest = "";
  private long stepNs;

  @SuppressWarnings("NullAway.Init") // the test sets the nodes
  GuestVolumeLifeTest() {}

  @Test
  void volumeIsSnapshottedClonedRebuiltAndGrownUnderLoadAndEveryByteIsRight() throws Exception {
    try (DataNode a = new DataNode(folder, "a");
        DataNode b = new DataNode(folder, "b");
        DataNode h = new DataNode(folder, "h")) {
      first = a;
      second = b;
      host = h;
      createVolume();
      GuestSpec spec = GuestSpec.named("life").withCpus(1).withDisk(host.directory.resolve("vda"));
      stepNs = System.nanoTime();
      String wholeDisk;
      try (GuestVm guest = GuestVm.boot(spec)) {
        guest.run("mkfs.ext4 -q /dev/vda && mount /dev/vda /mnt").ok();
        writeFiles(guest, "before");
        said("guest writes");
        GuestJob load = startLoad(guest);
        snapshot();
        cloneHoldsWhatTheSnapshotFroze(guest);
        replaceALeg(guest);
        grow(guest);
        assertThat(load.done()).as("the load went on all the while").isFalse();
        guest.run("touch /run/stop").ok();
        String rounds = load.await(LIMIT).ok().output();
        System.out.println("load: " + rounds.strip());
        for (String when : new String[] {"before", "degraded", "grown"}) {
          checkFiles(guest, "/mnt", when);
        }
        wholeDisk = wholeDisk(guest);
        guest.poweroff();
        said("load ended, whole disk read");
      }
      everyByteIsOnBothLegs(wholeDisk);
    }
    storesAreConsistent();
  }

  private void said(String step) {
    long now = System.nanoTime();
    System.out.printf("%s: %.1f s%n", step, (now - stepNs) / 1e9);
    stepNs = now;
  }

  private void createVolume() throws Exception {
    for (DataNode storage : new DataNode[] {first, second}) {
      storage.store();
      storage.lvol("leg", LEG_MIB);
      storage.export("leg");
    }
    host.attach("la", first, "leg");
    host.attach("lb", second, "leg");
    host.call(
        "bdev_raid_create",
        "{'name':'vol','raid_level':'raid1','base_bdevs':['lan1','lbn1'],'superblock':true}");
    host.call("vhost_create_blk_controller", "{'ctrlr':'vda','dev_name':'vol'}");
  }

  // ---- in the guest

  private static void writeFiles(GuestVm guest, String when) {
    guest
        .run(
            """
            mkdir /mnt/%1$s && cd /mnt/%1$s || exit 1
            for i in $(seq %2$d); do
              dd if=/dev/urandom of=kept$i bs=64k count=16 2>/dev/null || exit 1
            done
            md5sum kept* > sums && sync
            """
                .formatted(when, KEPT_FILES))
        .ok();
  }

  private static void checkFiles(GuestVm guest, String mount, String when) {
    String sums =
        guest
            .run(
                "cd %s/%s && echo 3 > /proc/sys/vm/drop_caches && md5sum -c sums"
                    .formatted(mount, when))
            .ok()
            .output();
    assertThat(sums.lines().filter(line -> line.endsWith(": OK"))).hasSize(KEPT_FILES);
  }

  /** Writes a file at random places and verifies all of it, again and again until /run/stop. */
  private GuestJob startLoad(GuestVm guest) throws Exception {
    GuestJob load =
        guest.start(
            """
            n=0
            while [ ! -e /run/stop ]; do
              fio --name=load --ioengine=libaio --direct=1 --filename=/mnt/load --rw=randwrite \\
                --bs=4k --iodepth=8 --size=12M --verify=crc32c --verify_fatal=1 \\
                --randseed=$n --output=/run/fio || { cat /run/fio; exit 1; }
              n=$((n+1)); echo $n > /run/rounds
            done
            echo "$n rounds of 12 MiB written and verified"
            """);
    awaitIn(guest, "[ -s /run/rounds ]");
    said("first round of the load");
    return load;
  }

  private static void awaitIn(GuestVm guest, String condition) {
    guest
        .run("for i in $(seq 500); do %s && exit 0; sleep 0.05; done; exit 1".formatted(condition))
        .ok();
  }

  private static String wholeDisk(GuestVm guest) {
    return guest
        .run("cd / && umount /mnt && " + DROP_CACHES + " && md5sum < /dev/vda")
        .ok()
        .output()
        .strip()
        .split(" ")[0];
  }

  // ---- what is done to the volume

  /** Both legs at one moment: no write is under way between the two. */
  private void snapshot() {
    host.call("diskengine_bdev_quiesce", "{'name':'vol'}");
    for (DataNode storage : new DataNode[] {first, second}) {
      storage.call("bdev_lvol_snapshot", "{'lvol_name':'lvs/leg','snapshot_name':'snap'}");
    }
    host.call("diskengine_bdev_unquiesce", "{'name':'vol'}");
    snapshotDigest = snapshotDigest(first);
    assertThat(snapshotDigest(second)).as("both snapshots hold the same").isEqualTo(snapshotDigest);
    said("snapshots made and compared");
  }

  private static String snapshotDigest(DataNode storage) {
    return storage.md5("lvs/snap", DATA_OFFSET, LEG_MIB * MIB - DATA_OFFSET);
  }

  private void cloneHoldsWhatTheSnapshotFroze(GuestVm guest) {
    first.call("bdev_lvol_clone", "{'snapshot_name':'lvs/snap','clone_name':'copy'}");
    first.export("copy");
    host.attach("lc", first, "copy");
    host.call("vhost_create_blk_controller", "{'ctrlr':'vdb','dev_name':'lcn1'}");
    String disk = guest.plug(new GuestSpec.VhostDisk(host.directory.resolve("vdb"), 1));
    awaitIn(guest, "[ -b /dev/vdb ]");
    guest
        .run(
            ("modprobe loop; mkdir /run/copy && losetup -o %d /dev/loop0 /dev/vdb"
                    + " && mount /dev/loop0 /run/copy")
                .formatted(DATA_OFFSET))
        .ok();
    checkFiles(guest, "/run/copy", "before");
    guest.run("rm -r /run/copy/before && umount /run/copy && losetup -d /dev/loop0").ok();
    guest.unplug(disk);
    host.deleteVhost("vdb");
    host.call("bdev_nvme_detach_controller", "{'name':'lc'}");
    said("clone mounted, checked, changed");
  }

  /** A leg is lost, the volume runs on without it; a new one is copied in full. */
  private void replaceALeg(GuestVm guest) throws Exception {
    host.call("bdev_nvme_disable_controller", "{'name':'lb'}");
    awaitLegs(1);
    host.call("bdev_nvme_detach_controller", "{'name':'lb'}");
    writeFiles(guest, "degraded");
    second.lvol("other", LEG_MIB);
    second.export("other");
    host.attach("lo", second, "other");
    host.call("bdev_raid_add_base_bdev", "{'raid_bdev':'vol','base_bdev':'lon1'}");
    awaitLegs(2);
    said("leg lost, another one rebuilt");
  }

  private void awaitLegs(int operational) throws Exception {
    host.await(
        "bdev_raid_get_bdevs",
        "{'category':'online'}",
        raids ->
            raids.at("/0/num_base_bdevs_operational").asInt() == operational
                && raids.at("/0/process").isMissingNode());
  }

  private void grow(GuestVm guest) {
    first.call("bdev_lvol_resize", "{'name':'lvs/leg','size_in_mib':%d}".formatted(GROWN_LEG_MIB));
    second.call(
        "bdev_lvol_resize", "{'name':'lvs/other','size_in_mib':%d}".formatted(GROWN_LEG_MIB));
    long sectors = (GROWN_LEG_MIB * MIB - DATA_OFFSET) / 512;
    awaitIn(guest, "[ $(cat /sys/block/vda/size) = " + sectors + " ]");
    guest.run("resize2fs /dev/vda 2>&1").ok();
    writeFiles(guest, "grown");
    String free = guest.run("df -m /mnt | tail -1").ok().output();
    assertThat(Long.parseLong(free.strip().split(" +")[1])).as(free).isGreaterThan(LEG_MIB);
    said("grown");
  }

  // ---- what must be true in the end

  private void everyByteIsOnBothLegs(String wholeDisk) throws Exception {
    host.deleteVhost("vda");
    host.call("bdev_raid_delete", "{'name':'vol'}");
    host.call("bdev_nvme_detach_controller", "{'name':'la'}");
    host.call("bdev_nvme_detach_controller", "{'name':'lo'}");
    long bytes = GROWN_LEG_MIB * MIB - DATA_OFFSET;
    assertThat(first.md5("lvs/leg", DATA_OFFSET, bytes)).isEqualTo(wholeDisk);
    assertThat(second.md5("lvs/other", DATA_OFFSET, bytes)).isEqualTo(wholeDisk);
    assertThat(snapshotDigest(first)).isEqualTo(snapshotDigest);
    assertThat(snapshotDigest(second)).isEqualTo(snapshotDigest);
    assertThat(second.allocatedClusters("other")).isLessThan(GROWN_LEG_MIB / 4);
    first.call("bdev_lvol_delete", "{'name':'lvs/copy'}");
    first.call("bdev_lvol_delete", "{'name':'lvs/snap'}");
    assertThat(first.md5("lvs/leg", DATA_OFFSET, bytes))
        .as("the volume without its snapshot")
        .isEqualTo(wholeDisk);
    said("every byte compared");
  }

  private void storesAreConsistent() throws Exception {
    for (DataNode storage : new DataNode[] {first, second}) {
      Report report = storage.checkStore();
      assertThat(report.consistent()).as(report.findings().toString()).isTrue();
      assertThat(report.lvols()).isNotEmpty();
    }
  }
}

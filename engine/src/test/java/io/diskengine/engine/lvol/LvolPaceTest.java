package io.diskengine.engine.lvol;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.TestIo;
import io.diskengine.engine.bdev.BdevChannel;
import io.diskengine.engine.bdev.BdevDesc;
import io.diskengine.engine.bdev.BdevEvents;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.BdevIoOwner;
import io.diskengine.engine.bdev.GuestActivity;
import io.diskengine.engine.bdev.IoStatus;
import io.diskengine.engine.bdev.IoType;
import io.diskengine.nvme.Iovec;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Changes of an lvol store beside a guest that never stops reading, on virtual time. */
class LvolPaceTest {
  private static final int BLOCK = 4096;
  private static final int CLUSTER = 64 << 10;
  private static final long DISK = 64 << 20;
  private static final int SEED = 60;
  private static final long DISK_NS = 20_000;

  /** What a batch takes without anything in front of it. */
  private static final long SOON_NS = 20_000_000;

  private final DiskImage image = new DiskImage(DISK);
  private final DiskBdev disk = new DiskBdev("disk0", BLOCK, image, new Random(SEED), DISK_NS);
  private final StoreRig rig = new StoreRig(SEED);

  /** How many creations ended at which time: those of one batch end together. */
  private final TreeMap<Long, Integer> ended = new TreeMap<>();

  private int created;
  private int wanted;
  private int expectedErrno;

  @BeforeEach
  void makeStore() {
    rig.add(disk);
    assertThat(rig.createStore("disk0", LvolStoreOptions.named("lvs0").clusterSizeBytes(CLUSTER)))
        .isZero();
    assertThat(rig.createLvol("lvs0", "v1", 8 * CLUSTER, true)).isZero();
    TestIo io = new TestIo(rig.reactors, "lvs0/v1");
    assertThat(io.write(1, 0, new byte[BLOCK])).isZero();
    io.close();
  }

  @AfterEach
  void close() {
    rig.close();
  }

  /** Reads one block again and again; counts the longest time between two ends. */
  private final class Guest implements BdevIoOwner {
    private final BdevIo io = new BdevIo(this);
    private final int reactor;
    private final long iov = rig.reactors.allocate(Iovec.SIZE);
    private final List<BdevDesc> desc = new ArrayList<>();
    private final List<BdevChannel> channel = new ArrayList<>();
    private boolean stopping;
    private boolean stopped;
    private long lastNs = now();
    private long longestNs;

    Guest(int reactor, String bdev) {
      this.reactor = reactor;
      Iovec.set(iov, 0, rig.reactors.allocate(BLOCK), BLOCK);
      rig.reactors.home(() -> desc.add(rig.reactors.layer().open(bdev, false, BdevEvents.NONE)));
      rig.reactors.on(
          reactor,
          () -> {
            channel.add(desc.getFirst().openChannel());
            read();
          });
      rig.reactors.runForUs(GuestActivity.LOOK_NS / 1000);
    }

    private void read() {
      desc.getFirst().submit(channel.getFirst(), io.read(iov, 1, 0, 1));
    }

    @Override
    public void completed(BdevIo done) {
      assertThat(done.status()).isEqualTo(IoStatus.SUCCESS);
      longestNs = Math.max(longestNs, now() - lastNs);
      lastNs = now();
      if (stopping) {
        stopped = true;
      } else {
        read();
      }
    }

    void stop() {
      stopping = true;
      rig.reactors.runUntil(() -> stopped);
      rig.reactors.on(reactor, () -> channel.getFirst().release());
      rig.reactors.home(() -> desc.getFirst().close());
    }
  }

  private long now() {
    return rig.reactors.nowNs();
  }

  /** Creates {@code count} lvols, {@code atOnce} at a time. */
  private void startCreating(int count, int atOnce) {
    wanted = created + count;
    int inFlight = Math.min(count, atOnce);
    for (int i = 0; i < inFlight; i++) {
      rig.reactors.home(this::createOne);
    }
  }

  private void createOne() throws BdevException {
    String name = "n" + created++;
    rig.store("lvs0")
        .createLvol(
            name,
            CLUSTER,
            true,
            ClearMethod.DEFAULT,
            (errno, lvol) -> {
              assertThat(errno).as(name).isEqualTo(expectedErrno);
              ended.merge(now(), 1, Integer::sum);
              if (created < wanted) {
                try {
                  createOne();
                } catch (BdevException refused) {
                  throw new AssertionError(refused);
                }
              }
            });
  }

  private int made() {
    return ended.values().stream().mapToInt(Integer::intValue).sum();
  }

  private void awaitMade(int count) {
    rig.reactors.runUntil(() -> made() == count);
  }

  /** From now on what is patient waits: the burst is used up. */
  private void useUpTheBurst() {
    startCreating(100, 1);
    rig.reactors.runUntil(() -> !ended.isEmpty() && now() - ended.lastKey() > SOON_NS);
    wanted = created; // the one that waits is the last one
    assertThat(ended.size()).isGreaterThanOrEqualTo(CommitPace.BURST);
    assertThat(made()).isEqualTo(created - 1);
  }

  private void checkStore() {
    StoreImage parsed = new StoreImage(image);
    assertThat(parsed.problems).isEmpty();
    assertThat(parsed.blobs).hasSizeGreaterThanOrEqualTo(2 + made());
  }

  @Test
  void besideAGuestABurstOfBatchesGoesAndThenOneInATime() {
    for (int reactor = 0; reactor < 2; reactor++) {
      Guest guest = new Guest(reactor, "lvs0/v1");
      startCreating(1, 1); // with it the guest is looked at for the first time
      rig.reactors.runForUs(2 * GuestActivity.LOOK_NS / 1000);
      ended.clear();
      long began = now();
      startCreating(40, 4);
      awaitMade(40);
      double tookNs = now() - began;
      long atMost = CommitPace.BURST + 1 + (long) (tookNs / CommitPace.BATCH_NS);
      assertThat(ended.size())
          .as("batches in %.0f ms: %s", tookNs / 1e6, ended)
          .isLessThanOrEqualTo((int) atMost)
          .isGreaterThanOrEqualTo(40 / 4);
      assertThat(tookNs).isGreaterThan((40 / 4 - CommitPace.BURST - 1) * CommitPace.BATCH_NS);
      assertThat(tookNs).isLessThan((40 / 4 - CommitPace.BURST + 2) * CommitPace.BATCH_NS);
      assertThat(guest.longestNs).isLessThan(SOON_NS);
      guest.stop();
      rig.reactors.runForUs(CommitPace.BURST * CommitPace.BATCH_NS / 1000);
    }
    ended.clear();
    checkStore();
  }

  @Test
  void withMoreAtOnceABatchIsLargerUpToALimit() {
    Guest guest = new Guest(1, "lvs0/v1");
    long began = now();
    startCreating(10 * CommitPace.MOST_CHANGES, 2 * CommitPace.MOST_CHANGES);
    awaitMade(wanted);
    assertThat(Collections.max(ended.values())).isEqualTo(CommitPace.MOST_CHANGES);
    assertThat(ended.size()).isBetween(10, 13);
    assertThat(now() - began).isLessThan(8 * CommitPace.BATCH_NS);
    guest.stop();
    checkStore();
  }

  @Test
  void besideNobodyNothingWaits() {
    Guest guest = new Guest(1, "lvs0/v1");
    startCreating(2, 1);
    awaitMade(2);
    guest.stop();
    rig.reactors.runForUs(CommitPace.BATCH_NS / 1000 + 1000);
    ended.clear();
    startCreating(200, 4);
    awaitMade(200);
    assertThat(ended.size()).isGreaterThanOrEqualTo(200 / 4);
    long previous = ended.firstKey();
    for (long each : ended.keySet()) {
      assertThat(each - previous).as("between two batches of %s", ended).isLessThan(SOON_NS);
      previous = each;
    }
    checkStore();
  }

  @Test
  void aFewCreationsBesideAGuestAreNotDelayed() {
    Guest guest = new Guest(0, "lvs0/v1");
    rig.reactors.runForUs(10_000);
    for (int i = 1; i <= CommitPace.BURST; i++) {
      long began = now();
      startCreating(1, 1);
      awaitMade(i);
      assertThat(now() - began).isLessThan(SOON_NS);
    }
    guest.stop();
    checkStore();
  }

  @Test
  void aFewIosBetweenCreationsDelayNone() {
    TestIo io = new TestIo(rig.reactors, "lvs0/v1");
    for (int i = 1; i <= 4 * CommitPace.BURST; i++) {
      long began = now();
      startCreating(1, 1);
      awaitMade(i);
      assertThat(now() - began).as("creation %d", i).isLessThan(SOON_NS);
      for (int j = 0; j < CommitPace.FEWEST_IOS - 1; j++) {
        assertThat(io.write(1, j % 8, new byte[BLOCK])).isZero();
      }
      rig.reactors.runForUs(GuestActivity.WINDOW_NS / 1000);
    }
    io.close();
    checkStore();
  }

  @Test
  void whatWaitsGoesWhenTheGuestStops() {
    Guest guest = new Guest(1, "lvs0/v1");
    useUpTheBurst();
    long began = now();
    guest.stop();
    awaitMade(created);
    assertThat(now() - began)
        .isLessThan(GuestActivity.QUIET_NS + 2 * GuestActivity.LOOK_NS + 1_000_000);
    checkStore();
  }

  @Test
  void aGuestWhoseIoTheDiskHoldsIsThereAllTheSame() {
    Guest guest = new Guest(1, "lvs0/v1");
    long began = now();
    useUpTheBurst();
    disk.holding = IoType.READ;
    rig.reactors.runUntil(() -> disk.holding == null);
    awaitMade(created);
    assertThat(ended.lastKey() - began)
        .as("no I/O ended for longer than %d ms", GuestActivity.QUIET_NS / 1_000_000)
        .isGreaterThanOrEqualTo(CommitPace.BATCH_NS);
    rig.reactors.on(1, disk::letGo);
    guest.stop();
  }

  @Test
  void aFirstWriteIsNotDelayedAndTakesAlongSomeOfWhatWaits() {
    Guest guest = new Guest(0, "lvs0/v1");
    TestIo writer = new TestIo(rig.reactors, "lvs0/v1");
    useUpTheBurst();
    startCreating(40, 40);
    assertThat(made()).isEqualTo(created - 41);
    int before = made();
    long began = now();
    assertThat(writer.write(1, 3 * (CLUSTER / BLOCK), new byte[BLOCK])).isZero();
    assertThat(now() - began).isLessThan(SOON_NS);
    assertThat(made() - before).isEqualTo(CommitPace.MOST_CHANGES).isBetween(1, 20);
    began = now();
    assertThat(writer.run(1, io -> io.unmap(3 * (CLUSTER / BLOCK), CLUSTER / BLOCK))).isZero();
    assertThat(now() - began).isLessThan(SOON_NS);
    assertThat(made() - before).isEqualTo(2 * CommitPace.MOST_CHANGES);
    awaitMade(created);
    writer.close();
    guest.stop();
    checkStore();
  }

  /** The store writes a first write together with its cluster: it is a guest's all the same. */
  @Test
  void aGuestThatOnlyFillsItsLvolIsSeen() {
    assertThat(rig.createLvol("lvs0", "fill", 400 * CLUSTER, true)).isZero();
    TestIo writer = new TestIo(rig.reactors, "lvs0/fill");
    int cluster = 0;
    for (; cluster < 200; cluster++) {
      assertThat(writer.write(1, cluster * (CLUSTER / BLOCK), new byte[BLOCK])).isZero();
    }
    startCreating(100, 100);
    for (; made() < created; cluster++) {
      assertThat(writer.write(1, cluster * (CLUSTER / BLOCK), new byte[BLOCK])).isZero();
    }
    assertThat(ended.values()).allMatch(batch -> batch <= CommitPace.MOST_CHANGES);
    writer.close();
    checkStore();
  }

  @Test
  void aSnapshotWaitsBeforeItHoldsTheGuestAndNotWhile() {
    Guest guest = new Guest(1, "lvs0/v1");
    useUpTheBurst();
    long began = now();
    guest.longestNs = 0;
    assertThat(rig.snapshot("lvs0/v1", "s1")).isZero();
    assertThat(now() - began).isGreaterThan(SOON_NS);
    assertThat(guest.longestNs).isLessThan(SOON_NS);
    guest.stop();
    checkStore();
  }

  @Test
  void closingWaitsForNoPace() {
    Guest guest = new Guest(1, "disk0");
    useUpTheBurst();
    String last = "n" + (created - 1);
    int[] deleted = {StoreRig.PENDING};
    rig.reactors.home(
        () -> rig.store("lvs0").deleteLvol(rig.lvol("lvs0/n0"), errno -> deleted[0] = errno));
    int[] snapshot = {StoreRig.PENDING};
    rig.reactors.home(() ->
        rig.store("lvs0")
            .operations()
            .snapshot(rig.lvol("lvs0/v1"), "s1", (errno, lvol) -> snapshot[0] = errno));
    rig.reactors.runForUs(1000);
    assertThat(deleted[0]).as("waits, as does " + last).isEqualTo(StoreRig.PENDING);
    assertThat(snapshot[0]).isEqualTo(StoreRig.PENDING);
    expectedErrno = BdevException.ENODEV; // made, but there is no bdev any more
    long began = now();
    assertThat(rig.unload()).isZero();
    assertThat(now() - began).isLessThan(SOON_NS);
    assertThat(deleted[0]).isZero();
    assertThat(snapshot[0]).isEqualTo(BdevException.ENODEV);
    assertThat(made()).isEqualTo(created);
    guest.stop();
    StoreImage parsed = new StoreImage(image);
    assertThat(parsed.problems).isEmpty();
    assertThat(parsed.clean).isTrue();
    assertThat(parsed.lvol(last)).isNotNull();
    assertThat(parsed.lvol("s1")).isNotNull();
  }

  @Test
  void aDiskThatFailsEndsWhatWaitsInItsTurn() {
    Guest guest = new Guest(0, "lvs0/v1");
    useUpTheBurst();
    awaitMade(created);
    disk.failing = IoType.FLUSH;
    int[] errnos = {StoreRig.PENDING, StoreRig.PENDING};
    for (int i = 0; i < 2; i++) {
      int each = i;
      rig.reactors.home(() ->
          rig.store("lvs0")
              .createLvol(
                  "bad" + each,
                  CLUSTER,
                  true,
                  ClearMethod.DEFAULT,
                  (errno, lvol) -> errnos[each] = errno));
    }
    rig.reactors.runUntil(() -> errnos[0] != StoreRig.PENDING && errnos[1] != StoreRig.PENDING);
    assertThat(errnos).containsOnly(BdevException.EIO);
    disk.failing = null;
    long free = rig.store("lvs0").freeClusters();
    assertThat(rig.createLvol("lvs0", "bad0", CLUSTER, true)).isZero();
    assertThat(rig.store("lvs0").freeClusters()).isEqualTo(free);
    guest.stop();
    checkStore();
  }
}

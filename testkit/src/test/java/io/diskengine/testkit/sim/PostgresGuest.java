package io.diskengine.testkit.sim;

import io.diskengine.model.VmMappingState;
import io.diskengine.store.StoreUnavailableException;
import io.diskengine.store.VolumeDetails;
import io.diskengine.testkit.spdk.FakeIo;
import io.diskengine.testkit.spdk.FakeVhosts;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/**
 * A virtual machine in real time: finds its disk where the volume is on record as ATTACHED, writes
 * one block again and again, and reads it back. What is unanswered when the data plane dies is sent
 * again, as QEMU does.
 */
final class PostgresGuest implements FakeVhosts.Session {
  private static final int BLOCK = 3;
  private static final int PAUSE_MS = 20;

  /** More values than a guest writes. */
  private static final long FORGOTTEN = 1_000_000;

  private final PostgresStage stage;
  private final String volume;
  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile boolean ending;

  private volatile boolean waiting;
  private volatile boolean cutOff;

  // Owned by the fakes' thread.
  private PostgresStage.@Nullable Place at;
  private String controller = "";
  private long acknowledged;
  private long last;
  private boolean reads;

  /**
   * @param written what is in its block; 0 when that is not known
   */
  PostgresGuest(PostgresStage stage, String volume, long written) {
    this.stage = stage;
    this.volume = volume;
    acknowledged = written;
    last = written == 0 ? FORGOTTEN * stage.nextGuest() : written;
    Thread.ofVirtual().name("guest of " + volume).start(this::live);
  }

  private void live() {
    try {
      while (!ending || (waiting && !cutOff)) {
        VolumeDetails v = rows();
        stage.room.run(() -> step(v));
        Thread.sleep(PAUSE_MS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      stage.room.run(this::leave);
      ended.countDown();
    }
  }

  private @Nullable VolumeDetails rows() {
    try {
      return stage.volume(volume).orElse(null);
    } catch (StoreUnavailableException away) {
      return null;
    }
  }

  private void step(@Nullable VolumeDetails v) {
    if (at == null && v != null && v.mapping() != null && v.vmMapping() != null) {
      PostgresStage.Place there =
          stage.place(Objects.requireNonNull(v.nodeNames().get(v.mapping().nodeId())));
      String name = v.vmMapping().controllerName();
      if (v.vmMapping().state() == VmMappingState.ATTACHED
          && there.spdk().vhosts().connect(name, this)) {
        at = there;
        controller = name;
        if (waiting) {
          submit();
        }
      }
    }
    if (at != null && !waiting && !ending) {
      reads = !reads;
      waiting = true;
      last += reads ? 0 : 1;
      submit();
    }
  }

  private void submit() {
    @Nullable Object content = reads ? null : last;
    PostgresStage.Place here = at;
    if (here != null) {
      here.spdk().vhosts().submit(controller, new FakeIo(BLOCK, content, this::answered));
    }
  }

  private void answered(FakeIo.Done done) {
    if (!waiting || cutOff) {
      return;
    }
    waiting = false;
    if (!done.ok()) {
      stage.broken("guests see no errors: " + volume + (reads ? ": a read" : ": a write"));
    } else if (!reads) {
      acknowledged = last;
    } else if (acknowledged != 0 && !Objects.equals(done.content(), acknowledged)) {
      stage.broken(
          "a read shows what was overwritten: " + done.content() + " instead of " + acknowledged);
    }
  }

  private void leave() {
    if (at != null) {
      at.spdk().vhosts().disconnect(controller, this);
      at = null;
    }
  }

  /** The data plane is gone. */
  @Override
  public void disconnected() {
    at = null;
  }

  /** On the fakes' thread. */
  boolean isConnected() {
    return at != null;
  }

  /** On the fakes' thread: the last value that it was told to be on the disk. */
  long acknowledged() {
    return acknowledged;
  }

  /**
   * Its disk is unplugged when nothing is outstanding any more; by force at once, and what is
   * outstanding may be there or not.
   */
  void end(boolean byForce) {
    cutOff |= byForce;
    ending = true;
    try {
      ended.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}

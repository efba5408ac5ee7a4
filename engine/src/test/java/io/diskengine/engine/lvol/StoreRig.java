package io.diskengine.engine.lvol;

import io.diskengine.engine.SteppedReactors;
import io.diskengine.engine.bdev.BdevChannel;
import io.diskengine.engine.bdev.BdevDesc;
import io.diskengine.engine.bdev.BdevEvents;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.Done;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;
import java.util.List;
import java.util.function.BiConsumer;

/** Two reactors, the lvol module, and disks; blocking calls for tests. */
final class StoreRig implements AutoCloseable {
  static final int PENDING = Integer.MIN_VALUE;

  final SteppedReactors reactors;
  final LvolModule lvols;

  StoreRig(long seed) {
    reactors = new SteppedReactors(seed);
    lvols = new LvolModule(reactors.layer());
  }

  /** Registers the disk and waits until what lies on it was found. */
  void add(DiskBdev disk) {
    reactors.home(() -> reactors.layer().register(disk));
    boolean[] examined = {false};
    reactors.home(() -> reactors.layer().waitForExamine(() -> examined[0] = true));
    reactors.runUntil(() -> examined[0]);
  }

  LvolStore store(String name) {
    LvolStore store = lvols.store(name);
    if (store == null) {
      throw new AssertionError("no store " + name + " among " + lvols.stores());
    }
    return store;
  }

  /** Something that ends with an errno. */
  interface Operation {
    void start(Done done) throws BdevException;
  }

  int run(Operation operation) {
    int[] errno = {PENDING};
    reactors.home(() -> {
      try {
        operation.start(e -> errno[0] = e);
      } catch (BdevException refused) {
        errno[0] = refused.errno();
      }
    });
    reactors.runUntil(() -> errno[0] != PENDING);
    return errno[0];
  }

  int createStore(String bdev, LvolStoreOptions options) {
    return run(done -> lvols.createStore(bdev, options, (errno, store) -> done.done(errno)));
  }

  int createLvol(String store, String name, long sizeBytes, boolean thin) {
    return run(done ->
        store(store)
            .createLvol(
                name, sizeBytes, thin, ClearMethod.DEFAULT, (errno, lvol) -> done.done(errno)));
  }

  Lvol lvol(String alias) {
    Lvol lvol = lvols.lvol(alias);
    if (lvol == null) {
      throw new AssertionError("no lvol " + alias);
    }
    return lvol;
  }

  int deleteLvol(String alias) {
    return run(done -> lvol(alias).store().deleteLvol(lvol(alias), done));
  }

  int unload() {
    return run(lvols::unload);
  }

  /** Hands the content of a range of the bdev to {@code sink}, a piece at a time. */
  void read(String name, long offset, long length, BiConsumer<byte[], Integer> sink) {
    int piece = 1 << 20;
    long buffer = reactors.allocate(piece + 4096);
    int[] status = {PENDING};
    BdevIo io = new BdevIo(done -> status[0] = done.status());
    BdevDesc[] desc = new BdevDesc[1];
    BdevChannel[] channel = new BdevChannel[1];
    reactors.home(() -> {
      desc[0] = reactors.layer().open(name, false, BdevEvents.NONE);
      channel[0] = desc[0].openChannel();
    });
    byte[] bytes = new byte[piece];
    int block = desc[0].bdev().blockSizeBytes();
    for (long at = 0; at < length; at += piece) {
      int count = (int) Math.min(piece, length - at);
      long from = offset + at;
      status[0] = PENDING;
      reactors.home(() -> {
        Iovec.set(buffer + piece, 0, buffer, count);
        desc[0].submit(channel[0], io.read(buffer + piece, 1, from / block, count / block));
      });
      reactors.runUntil(() -> status[0] != PENDING);
      if (status[0] != 0) {
        throw new AssertionError("read of " + name + " at " + from + ": " + status[0]);
      }
      NativeMemory.copy(buffer, bytes, 0, count);
      sink.accept(bytes, count);
    }
    reactors.home(() -> {
      channel[0].release();
      desc[0].close();
    });
  }

  List<String> names() {
    return lvols.stores().stream().flatMap(s -> s.lvols().stream()).map(Lvol::alias).toList();
  }

  @Override
  public void close() {
    reactors.close();
  }
}
